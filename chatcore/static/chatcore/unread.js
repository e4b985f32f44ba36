/**
 * What the reader has not seen: the line above the first such message, how many came since he looked (on the button and
 * in the title), and the buttons that lead to the first one and to the newest.
 */

import { counted, texts } from "./texts.js";

export class Unread {
  /**
   * @param {object} log
   * @param {object} rows
   * @param {(message: object) => boolean} isOwn
   */
  constructor(log, rows, isOwn) {
    this.log = log;
    this.rows = rows;
    this.isOwn = isOwn;
    this.toEnd = document.getElementById("to-end");
    this.toFirst = document.getElementById("to-unread");
    this.title = document.title;
    this.readUpTo = null; // the line belongs above what comes after this number; null: no line is due
    this.found = false; // the reader has been at the line
    this.count = 0;
  }

  /** The page has another title. */
  titled(title) {
    this.title = title;
    this.#say();
  }

  /** A visit begins, by somebody who has read up to this number; 0: who was never here is spared the line. */
  begin(seq) {
    this.readUpTo = seq || null;
    this.found = false;
    this.rows.mark("unread", null);
    this.divide();
  }

  /** Put the line where it belongs, as soon as the first unread message is in the page. From then on it stays. */
  divide() {
    if (this.readUpTo === null || this.rows.unread !== null) return;
    const { messages } = this.log;
    let seq = this.readUpTo + 1;
    while (messages.has(seq) && this.isOwn(messages.get(seq))) seq += 1;
    if (messages.has(seq)) this.rows.mark("unread", seq);
  }

  /** The number of the first unread message while the reader has not been there, or null. */
  get first() {
    if (this.found || this.readUpTo === null || this.readUpTo >= this.log.newest) return null;
    return this.rows.unread ?? this.readUpTo + 1;
  }

  /** Others' messages came that the reader does not see. */
  missed(number) {
    if (number === 0) return;
    this.count += number;
    this.#say();
  }

  /** The reader sees the newest message. */
  seen() {
    if (this.count === 0) return;
    this.count = 0;
    this.#say();
  }

  /** Show the buttons, or not: to the newest message, to the first unread one. */
  offer(toEnd, toFirst) {
    if (!toEnd && this.toEnd === document.activeElement) document.getElementById("log").focus();
    this.toEnd.hidden = !toEnd;
    this.toFirst.hidden = !toFirst;
  }

  #say() {
    this.toEnd.querySelector("span").textContent = this.count ? counted(texts.new_messages, this.count) : texts.newest;
    document.title = this.count ? `(${this.count}) ${this.title}` : this.title;
  }
}
