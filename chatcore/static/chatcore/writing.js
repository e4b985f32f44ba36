/**
 * The writing side of a room: the composer with its draft, what it is about, and completion; what was sent and is not
 * answered yet; what may be done with a message; who else is writing. Wires these to one another.
 */

import { Actions } from "./actions.js";
import { Changes } from "./changes.js";
import { Composer } from "./composer.js";
import { copyLink } from "./copying.js";
import { Drafts } from "./drafts.js";
import { Editing } from "./editing.js";
import { Mentions } from "./mentions.js";
import { Outbox } from "./outbox.js";
import { Target } from "./target.js";
import { page, texts } from "./texts.js";
import { Typing } from "./typing.js";
import { joinUnsent, unsentRow } from "./unsent_row.js";

export class Writing {
  /**
   * @param {{
   *   send: (frame: object) => boolean, silence: () => void, context: object, messages: () => Iterable<object>,
   *   people: () => Iterable<object>, append: (change: () => void) => void
   * }} room `send`: whether the frame went to a live socket; `silence`: an answer is overdue; `context` as `drawnRow`
   *   takes it; `messages`: those in the page, in order; `people`: who is here; `append` runs a change at the end, and shows the end
   */
  constructor(room) {
    this.room = room;
    this.may = null; // what the server says of this reader in this room
    const place = `${page.you.id}.${page.number}`;
    this.composer = new Composer(page, {
      submit: (text) => this.#submit(text),
      typed: (text) => this.#typed(text),
      key: (event) => this.mentions.key(event) || this.#key(event),
    });
    this.target = new Target(() => this.#cancel());
    this.changes = new Changes(room.send, room.silence);
    this.editing = new Editing(this.composer, this.target, this.changes);
    this.typing = new Typing(room.send, page.you);
    this.mentions = new Mentions(this.composer.field, () => this.#people());
    const draw = (own, above) => unsentRow(own, page.you, room.context, above);
    this.outbox = new Outbox(place, texts, { ...room, draw, join: joinUnsent });
    this.actions = new Actions({
      find: room.context.find,
      allowed: (message) => this.#allowed(message),
      act: (deed, message) => this.#act(deed, message),
    });
    this.drafts = new Drafts(place);
    this.draft = this.drafts.begun();
    if (this.draft && !this.composer.text) this.composer.put(this.draft.text); // unless somebody was quicker than this script
  }

  /** Whether something of one's own stands below the log. */
  get waits() {
    return this.outbox.waiting.size > 0;
  }

  /** A new socket, with what the server says of this reader in this room. */
  open(frame) {
    if (frame.you.id !== page.you.id) return location.reload(); // signed in as somebody else: nothing goes out in that name
    this.allow(frame);
    this.outbox.resend();
  }

  /** What the reader may do here from now on, and why no more. */
  allow(state) {
    this.may = state;
    if (state.can_post) this.composer.complain(null);
    this.composer.allow(state.can_post, state.archived ? "archived" : state.announce_only ? "announce_only" : "other");
  }

  /** The connection is gone; `stopped`: for good. */
  pause(stopped) {
    this.outbox.pause();
    if (this.changes.pause()) this.#notChanged(texts.unsure_changed);
    if (stopped) this.composer.end();
  }

  /** A `message`, `edit` or `delete` came, live or catching up. */
  took(event) {
    if (event.type === "message") {
      this.typing.wrote(event.author);
      return;
    }
    this.changes.settle(event.seq);
    if (isOf(event.author, page.you)) this.editing.changed(event);
    if (this.target.reply === event.seq) this.target.set("reply", event);
  }

  /** A message was drawn in the log: it may be one that waits here, or the one that a kept draft answers. */
  drawn(message) {
    if (isOf(message.author, page.you)) this.outbox.settle(message.client_id);
    if (this.draft?.reply !== message.seq || this.target.kind) return;
    this.target.set("reply", message);
    this.draft = null;
  }

  /** The answer to a message: it is stored. */
  sent({ client_id, rev }) {
    this.outbox.sent(client_id, rev);
  }

  /** What the log has up to `rev` is drawn, or stands in no place of this page. */
  reached(rev) {
    this.outbox.reached(rev);
  }

  /** An `error`: the message, the edit or the deletion that it is about stays, with the reason. */
  refused({ code, client_id, retry_after }) {
    if (!client_id) return; // nothing that was written
    if (retry_after && this.outbox.hold(client_id, retry_after)) return;
    const reason = texts.errors[code] ?? texts.errors.other;
    const final = code === "archived" || code === "forbidden";
    if (this.outbox.fail(client_id, reason, final)) {
      if (final) this.composer.allow(false);
      else this.composer.complain(reason);
    } else if (this.changes.fail(client_id)) this.#notChanged(code === "forbidden" ? texts.not_yours : reason);
  }

  /** The socket was closed for writing too much. */
  flooded() {
    this.outbox.failAll(texts.errors.rate);
  }

  /** Somebody types. */
  heard(frame) {
    this.typing.heard(frame);
  }

  #submit(text) {
    if (this.editing.active) {
      this.editing.submit(text);
      return false; // it stays where it is until the server has answered
    }
    const { reply } = this.target;
    this.target.clear();
    this.draft = null;
    this.drafts.clear();
    this.typing.done();
    this.room.append(() => this.outbox.add(text, reply));
    return true;
  }

  #typed(text) {
    if (this.editing.active) return;
    this.drafts.save(text, this.target.reply ?? this.draft?.reply ?? null);
    if (text.trim()) this.typing.tell();
  }

  #key({ key }) {
    if (key === "Escape" && this.target.kind) this.#cancel();
    else if (key === "ArrowUp" && !this.composer.text && !this.target.kind) return this.#editLast();
    else return false;
    return true;
  }

  #allowed(message) {
    const own = isOf(message.author, page.you);
    const reply = this.may?.can_post && !message.deleted;
    const may = { reply, edit: reply && own, delete: !message.deleted && (this.may?.may_moderate || (reply && own)), link: true };
    return Object.keys(may).filter((deed) => may[deed]);
  }

  #act(deed, message) {
    if (deed === "edit") this.editing.begin(message);
    else if (deed === "reply") this.#beginReply(message);
    else if (deed === "link") copyLink(message.seq);
    else if (!this.changes.delete(message.seq)) this.composer.complain(texts.not_changed);
  }

  #beginReply(message) {
    if (this.editing.active) this.editing.leave();
    this.target.set("reply", message);
    this.drafts.save(this.composer.text, message.seq);
    this.composer.focus();
  }

  #editLast() {
    const last = this.#newestFirst().find(({ author, deleted }) => !deleted && isOf(author, page.you));
    if (!last || !this.#allowed(last).includes("edit")) return false;
    this.editing.begin(last);
    return true;
  }

  #cancel() {
    if (this.editing.active) this.editing.leave();
    else {
      this.target.clear();
      this.drafts.save(this.composer.text, null);
    }
    this.composer.focus();
  }

  #notChanged(reason) {
    this.composer.wait(false);
    this.composer.complain(reason);
  }

  /** Who may be meant by an @: those who are here, then those who wrote, the last first, then the members. */
  *#people() {
    const authors = this.#newestFirst().filter(({ author }) => author.type === "user");
    const all = [...this.room.people(), ...authors.map(({ author, username }) => ({ name: author.name, username })), ...page.members.map((name) => ({ name, username: name }))];
    for (const person of all) if (person.name !== page.you.name) yield person;
  }

  #newestFirst() {
    return [...this.room.messages()].reverse();
  }
}

function isOf(author, you) {
  return author.type === "user" && author.type === you?.type && author.id === you.id;
}
