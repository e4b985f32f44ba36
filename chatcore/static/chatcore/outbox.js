/**
 * Own messages that are not in the log yet: shown at once, sent again after each reconnect and reload under the same
 * `client_id` (the server stores it once), settled by `sent` or by the message itself, kept with a way out when refused.
 */

import { keepHere, keptHere } from "./store.js";

const ANSWER_WITHIN = 10_000; // milliseconds; the server itself gives up after 5 s
const SAY_AFTER = 1000;

/** A random UUID; `crypto.randomUUID` exists in secure contexts only, and a chat on a LAN address is none. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  /**
   * @param {string} place the account and the room: what waits is kept for this tab under that name
   * @param {object} texts
   * @param {{send: (frame: object) => boolean, silence: () => void, draw: (own: object, above: HTMLElement | null) => HTMLElement,
   *   join: (row: HTMLElement, above: HTMLElement | null) => void}} room
   *   `send`: whether the frame went to a live socket; `silence`: an answer is overdue, the socket is probably dead;
   *   `draw`: the row of a message that has no number yet, below another; `join` fits it to what stands above it now
   */
  constructor(place, texts, room) {
    this.key = `outbox.${place}`;
    this.list = document.getElementById("outbox");
    this.texts = texts;
    this.room = room;
    this.waiting = new Map(); // client_id -> {text, reply_to, at, row, failed, rev, timer}
    this.holding = null; // the end of a time in which the server takes no more
    this.turn = null; // after it: the one message that is on its way, behind which the others wait
    for (const { id, ...own } of this.#kept()) this.#show(id, own);
  }

  /** Send a text, as an answer to message `reply_to` unless that is null. */
  add(text, reply_to) {
    const id = newId();
    this.#show(id, { text, reply_to, at: new Date().toISOString(), failed: null });
    this.#keep();
    this.#try(id);
  }

  /** After a reconnect: everything that nobody answered goes out once more. */
  resend() {
    for (const [id, own] of this.waiting) if (!own.failed && !own.rev) this.#try(id);
  }

  /** The connection is gone: answers are no longer due. */
  pause() {
    clearTimeout(this.holding);
    this.holding = this.turn = null;
    for (const own of this.waiting.values()) {
      this.#answered(own);
      own.rev = null;
      if (!own.failed) this.#say(own, this.texts.waits, "waits");
    }
  }

  /** The server has stored it as the event `rev`, which the page may be about to get. */
  sent(id, rev) {
    const own = this.waiting.get(id);
    if (!own) return;
    this.#answered(own);
    own.rev = rev;
    this.#goOn(id);
  }

  /**
   * Too fast: this message, and what comes behind it, goes out in so many seconds, one after the other so that their
   * order stays. Whether `id` was one of ours.
   */
  hold(id, seconds) {
    const own = this.waiting.get(id);
    if (!own) return false;
    this.#answered(own);
    this.#say(own, this.texts.held, "waits");
    clearTimeout(this.holding);
    this.turn = null;
    this.holding = setTimeout(() => this.#next(), 1000 * seconds);
    return true;
  }

  /** The log has come to `rev`: what is stored up to there has its place in it. */
  reached(rev) {
    for (const [id, own] of this.waiting) if (own.rev && own.rev <= rev) this.settle(id);
    const first = this.list.firstElementChild;
    if (first) this.room.join(first, document.getElementById("rows").lastElementChild);
  }

  /** The message stands in the log. */
  settle(id) {
    const own = this.waiting.get(id);
    if (!own) return;
    this.#answered(own);
    own.row.remove();
    this.waiting.delete(id);
    this.#keep();
    this.#goOn(id);
  }

  /** Whether `id` was one of ours; it is marked with the reason. `final`: trying again would not help. */
  fail(id, reason, final = false) {
    const own = this.waiting.get(id);
    if (!own) return false;
    this.#answered(own);
    own.failed = reason;
    this.#say(own, reason, "failed");
    own.row.querySelector("[data-do=retry]").hidden = final;
    this.#keep();
    this.#goOn(id);
    return true;
  }

  failAll(reason) {
    for (const id of this.waiting.keys()) this.fail(id, reason);
  }

  #show(id, own) {
    own.row = this.room.draw({ ...own, id }, this.list.lastElementChild ?? document.getElementById("rows").lastElementChild);
    own.row.querySelector("article").append(document.getElementById("fate").content.cloneNode(true));
    own.row.querySelector("[data-do=retry]").onclick = () => this.#try(id);
    own.row.querySelector("[data-do=discard]").onclick = () => this.#discard(id);
    this.waiting.set(id, own);
    this.list.append(own.row);
    this.#say(own, own.failed ?? this.texts.waits, own.failed ? "failed" : "waits");
  }

  #discard(id) {
    this.settle(id);
    document.getElementById("write").focus(); // the button that had it is gone
  }

  #try(id) {
    const own = this.waiting.get(id);
    this.#answered(own);
    own.failed = null;
    if (this.holding || this.turn) return this.#say(own, this.texts.held, "waits");
    const gone = this.room.send({ type: "send", message: own.text, client_id: id, ...(own.reply_to && { reply_to: own.reply_to }) });
    this.#say(own, gone ? this.texts.sending : this.texts.waits, gone ? "sending" : "waits");
    if (gone) own.timer = setTimeout(this.room.silence, ANSWER_WITHIN);
  }

  #answered(own) {
    clearTimeout(own.timer);
    own.timer = null;
  }

  /** The message whose turn it was has an answer. */
  #goOn(id) {
    if (this.turn === id) this.#next();
  }

  /** Send the first one that has to wait; nothing is held back any more when there is none. */
  #next() {
    this.holding = this.turn = null;
    for (const [id, own] of this.waiting) {
      if (own.failed || own.rev || own.timer) continue;
      this.#try(id);
      if (own.timer) this.turn = id;
      return;
    }
  }

  /** What becomes of it, in words; a message that is stored within a second says nothing. */
  #say(own, text, fate) {
    clearTimeout(own.saying);
    const { row } = own;
    row.classList.toggle("failed", fate === "failed");
    row.classList.toggle("waiting", fate !== "failed");
    for (const button of row.querySelectorAll(".fate button")) button.hidden = fate !== "failed";
    row.querySelector(".fate span").textContent = text;
    row.classList.toggle("unsaid", fate === "sending");
    if (fate === "sending") own.saying = setTimeout(() => row.classList.remove("unsaid"), SAY_AFTER);
  }

  /** For this tab alone: another one would send it, too. */
  #keep() {
    const unsent = [...this.waiting].map(([id, { text, reply_to, at, failed }]) => ({ id, text, reply_to, at, failed }));
    keepHere(this.key, unsent.length ? JSON.stringify(unsent) : null);
  }

  #kept() {
    try {
      return JSON.parse(keptHere(this.key)) ?? [];
    } catch {
      return [];
    }
  }
}
