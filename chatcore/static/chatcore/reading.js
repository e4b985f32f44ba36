/**
 * The reading side of a room: the log and the stretch of it in the page, where the reader stands, what he has not seen,
 * what is read out. Wires these to one another.
 */

import { Address } from "./address.js";
import { Edges } from "./edges.js";
import { Log } from "./log.js";
import { ReadMark } from "./read_mark.js";
import { ReadingKeys } from "./reading_keys.js";
import { Rows } from "./rows.js";
import { Scroll } from "./scroll.js";
import { Spoken } from "./spoken.js";
import { texts } from "./texts.js";
import { Unread } from "./unread.js";
import { LogWindow } from "./window.js";

const NEAR_THE_TOP = 0.2; // of the log's height

export class Reading {
  /**
   * @param {{send: (frame: object) => boolean, you: () => object, shown: (message: object) => void, reached: (rev: number) => void}} room
   *   `send`: whether the frame went to a live socket; `shown`: the message has its row; `reached`: all events up to
   *   that one are drawn, or have no place in the page
   */
  constructor(room) {
    this.room = room;
    this.opened = null; // the server's last `open`
    this.caughtUp = false; // everything that was there when the socket opened is known; what comes now is live
    this.placed = false; // the reader has been put where he begins
    this.counting = false; // what comes is news, not the room as it is found
    this.missed = 0; // others' messages that came while catching up
    this.log = new Log();
    this.context = { you: room.you, find: (seq) => this.log.messages.get(seq) };
    this.rows = new Rows(document.getElementById("rows"), this.context);
    this.scroll = new Scroll((seq) => this.rows.row(seq), () => this.log.atEnd, () => this.#moved());
    this.edges = new Edges(() => this.window.older(), () => this.window.newer());
    this.unread = new Unread(this.log, this.rows, (message) => this.#isOwn(message));
    this.spoken = new Spoken();
    this.readMark = new ReadMark(room.send);
    this.address = new Address((seq) => this.window.seek({ seq }));
    const { log, rows, scroll, edges } = this;
    this.window = new LogWindow({ log, rows, scroll, edges }, {
      send: room.send,
      shown: room.shown,
      drawn: () => this.#drawn(),
      arrived: (goal) => this.#arrived(goal),
      astray: (goal) => this.#astray(goal),
    });
    this.keys = new ReadingKeys(this.rows, this.scroll, () => this.#focusEnd());
    this.#listen();
  }

  /** Where `hello` goes on. */
  get cursor() {
    return this.log.cursor(this.opened?.epoch);
  }

  /** Whether the room is known to have no messages. */
  get empty() {
    return this.caughtUp && this.log.last === null;
  }

  /** The socket is open: what was missed follows. */
  open(frame) {
    const first = !this.opened;
    this.opened = frame;
    this.caughtUp = false;
    this.missed = 0;
    this.counting = this.placed;
    this.readMark.reopened();
    if (first) this.unread.begin(frame.read_seq);
    this.#catchUp();
  }

  /** The room has another title. */
  titled(title) {
    this.unread.titled(title);
  }

  /** The connection is gone. */
  pause() {
    this.caughtUp = false;
    this.window.pause();
  }

  /** A `message`, `edit` or `delete`; whether it is a message that is news, live or missed. */
  take(event) {
    const known = this.log.newest;
    const unknown = event.type === "message" && event.seq > known;
    const news = unknown && this.counting;
    this.window.take(event, unknown && this.caughtUp ? "live" : "missed");
    if (unknown) this.#count(event, known && event.seq - known - 1);
    this.#catchUp();
    return news;
  }

  /** The run of events is broken: what follows does not go on from what is here. */
  gap({ reason }) {
    this.caughtUp = false;
    if (reason === "limit" && this.log.last !== null && !this.scroll.following) this.window.renew();
    else {
      if (reason === "limit") this.log.drop();
      else this.#forget();
      this.scroll.following = true;
      this.window.restart(reason, texts.gaps[reason] ?? texts.gaps.history_changed);
    }
    this.#catchUp();
  }

  /** The answer to what the window asked for. */
  answer(frame) {
    this.window.answer(frame);
  }

  /** Something was refused that no message, edit or deletion asked for: perhaps a page of history. */
  refused({ client_id, retry_after }) {
    if (!client_id) this.window.refused(retry_after);
  }

  /** Say how far the log is drawn. */
  report() {
    if (!this.window.waiting.size) this.room.reached(this.log.rev);
  }

  /** Add something below the messages, and show the end. */
  append(change) {
    this.unread.found = true; // who writes has done with what was before
    this.scroll.keep(change);
    this.scroll.toEnd();
    if (this.scroll.following) this.unread.offer(false, false); // also while nothing is caught up with
    this.window.toEnd();
  }

  #forget() {
    this.log.clear();
    this.readMark.forget();
    this.unread.begin(0);
    this.counting = false;
  }

  #catchUp() {
    const { opened, log } = this;
    if (this.caughtUp || !(opened.last_seq <= opened.seq_floor || log.newest >= opened.last_seq)) return;
    this.caughtUp = this.counting = true;
    const first = !this.placed;
    this.unread.missed(this.missed);
    this.window.resume();
    if (document.visibilityState === "visible") this.spoken.count(first && this.unread.first ? log.newest - opened.read_seq : this.missed);
    if (first) this.#begin();
    this.#moved();
  }

  /** Where the reader begins: at the message that was asked for, or at the first unread one if it is near. */
  #begin() {
    this.placed = true;
    const row = this.rows.row(this.rows.unread);
    if (!this.address.follow() && row) this.scroll.reveal(row, NEAR_THE_TOP);
  }

  #count(event, unheard) {
    if (!this.counting) return;
    const others = unheard + (this.#isOwn(event) || event.deleted ? 0 : 1);
    if (!this.caughtUp) this.missed += others;
    else {
      const visible = document.visibilityState === "visible";
      if (!visible || !this.scroll.following) this.unread.missed(others);
      if (visible && others) this.spoken.message(event);
    }
  }

  #drawn() {
    this.unread.divide();
    this.report();
    requestAnimationFrame(() => this.#moved());
  }

  /** What is in view has changed. */
  #moved() {
    if (!this.caughtUp) return;
    const { unread, scroll, log } = this;
    this.window.near();
    this.keys.moved();
    const row = this.rows.row(unread.first);
    if (document.visibilityState === "visible") {
      if (scroll.lowest && !this.window.goal) this.readMark.move(scroll.lowest); // on the way to a goal nothing is read
      if (scroll.following) unread.seen();
      if (row && !scroll.where(row).over) unread.found = true;
    }
    const far = scroll.below > scroll.log.clientHeight / 2 || unread.count > 0 || !log.atEnd;
    unread.offer(!scroll.following && far, unread.first !== null && (row ? scroll.where(row).over : unread.first < log.first));
  }

  #arrived(goal) {
    const row = this.rows.row(goal.seq);
    if (goal.top !== undefined) return this.scroll.place(row, goal.top);
    this.address.found(this.log.messages.get(goal.seq));
    if (!goal.orLater) this.rows.mark("target", goal.seq);
    else if (this.rows.unread === null) this.unread.begin(goal.seq - 1);
    this.unread.found ||= goal.orLater === true;
    const { above, below } = this.scroll.where(row);
    if (above || below) this.scroll.reveal(row, NEAR_THE_TOP);
    row.querySelector("article").focus({ preventScroll: true });
  }

  #astray(goal) {
    if (goal.top !== undefined || goal.orLater) this.window.toEnd();
    else this.address.missing(goal.seq);
  }

  #listen() {
    this.unread.toEnd.addEventListener("click", () => {
      if (location.hash) history.replaceState(null, "", location.pathname); // a reload would lead back there
      this.window.toEnd();
    });
    this.unread.toFirst.addEventListener("click", () => this.window.seek({ seq: this.unread.first, orLater: true }));
    document.addEventListener("visibilitychange", () => this.#looked());
  }

  /** The reader has come back to the page, or left it: who leaves from the end begins a new visit when he comes back. */
  #looked() {
    if (!this.caughtUp) return;
    if (document.visibilityState === "visible") {
      this.spoken.count(this.unread.count);
      this.#moved();
    } else if (this.scroll.following) this.scroll.keep(() => this.unread.begin(this.log.last));
  }

  #focusEnd() {
    this.window.toEnd();
    this.rows.row(this.log.last)?.querySelector("article").focus({ preventScroll: true });
  }

  #isOwn({ author }) {
    const you = this.room.you();
    return author.type === "user" && author.type === you.type && author.id === you.id;
  }
}
