/** Messages as rows, in the order of their numbers. What a row looks like is row.js's business. */

import { CONTINUES_WITHIN, drawnRow, requote } from "./row.js";
import { texts } from "./texts.js";

export class Rows {
  /** @param {HTMLElement} list @param {object} context as `drawnRow` takes it */
  constructor(list, context) {
    this.list = list;
    this.context = context;
    this.unread = null; // the number of the first message above which "New messages" stands
    this.target = null; // the number of the message that was asked for
    this.current = null; // the number of the message that the Tab key stops at
    this.clear();
  }

  get count() {
    return this.bySeq.size;
  }

  /** The row of that message, if it is in the page. */
  row(seq) {
    return this.bySeq.get(seq);
  }

  clear() {
    this.bySeq = new Map();
    this.list.replaceChildren();
  }

  /** Show the message as it is now, in the place of its number. */
  show(message) {
    const row = drawnRow(message, this.context);
    const old = this.bySeq.get(message.seq);
    this.bySeq.set(message.seq, row);
    row.querySelector("article").tabIndex = message.seq === this.current ? 0 : -1;
    if (old) this.#replace(old, row);
    else this.#insert(message.seq, row);
    this.#joinUp(message.seq);
    this.#joinUp(message.seq + 1);
    return row;
  }

  /** Show what the message says now where others quote it. */
  requote(message) {
    requote(this.list, message);
  }

  /** A line that says that something is missing here. */
  gap(reason, text) {
    const line = document.createElement("li");
    line.className = "gap";
    line.dataset.reason = reason;
    line.textContent = text;
    this.list.append(line);
  }

  /** Take the rows of these messages out of the page. */
  remove(seqs) {
    for (const seq of seqs) {
      const row = this.bySeq.get(seq);
      if (row.previousElementSibling?.matches(".gap")) row.previousElementSibling.remove();
      if (row.contains(document.activeElement)) document.getElementById("log").focus({ preventScroll: true });
      row.remove();
      this.bySeq.delete(seq);
    }
    this.#joinUp(Number(this.list.querySelector("[data-seq]")?.dataset.seq));
  }

  /** Mark a message as the first unread one, as the one asked for, or as the Tab key's stop; null for none. */
  mark(what, seq) {
    const before = this[what];
    this[what] = seq;
    this.#joinUp(before);
    this.#joinUp(seq);
  }

  #replace(old, row) {
    const focused = old.contains(document.activeElement);
    old.replaceWith(row);
    if (focused) row.querySelector("article").focus({ preventScroll: true });
  }

  /** The stretch has no holes: a new row stands next to one that is there, or is the first. */
  #insert(seq, row) {
    const below = this.bySeq.get(seq + 1);
    if (below) below.before(row);
    else this.list.append(row);
  }

  /** What a row owes to the one above: a date if a day begins with it, no byline if it goes on from it. */
  #joinUp(seq) {
    const row = this.bySeq.get(seq);
    if (!row) return;
    const above = this.bySeq.get(seq - 1)?.dataset ?? {};
    const day = row.querySelector(".day");
    day.textContent = row.dataset.day;
    day.hidden = above.day === row.dataset.day;
    row.querySelector("article").tabIndex = seq === this.current ? 0 : -1;
    row.classList.toggle("asked-for", seq === this.target);
    this.#divide(row, seq === this.unread);
    const continues = above.author === row.dataset.author && row.dataset.at - above.at < CONTINUES_WITHIN;
    row.classList.toggle("continued", day.hidden && seq !== this.unread && Boolean(row.dataset.author) && continues);
  }

  #divide(row, wanted) {
    const line = row.querySelector(":scope > .unread-line");
    if (wanted === Boolean(line)) return;
    if (line) return line.remove();
    const divider = document.createElement("div");
    divider.className = "unread-line";
    divider.textContent = texts.new_messages_begin;
    row.querySelector("article").before(divider);
  }
}
