/** Messages as rows, in the order of their numbers. What a row looks like is row.js's business. */

import { drawnRow } from "./row.js";

const CONTINUES_WITHIN = 5 * 60_000; // milliseconds

export class Rows {
  /** @param {HTMLElement} list @param {object} context as `drawnRow` takes it */
  constructor(list, context) {
    this.list = list;
    this.context = context;
  }

  get first() {
    return this.list.querySelector("[data-seq]");
  }

  clear() {
    this.list.replaceChildren();
  }

  /** Show the message as it is now, in the place of its number. */
  show(message) {
    const row = drawnRow(message, this.context);
    const old = this.list.querySelector(`[data-seq="${message.seq}"]`);
    if (old) old.replaceWith(row);
    else this.#successor(message.seq, row);
    this.#joinUp(row);
    this.#joinUp(row.nextElementSibling);
    return row;
  }

  /** A line that says that something is missing here. */
  gap(reason, text) {
    const line = document.createElement("li");
    line.className = "gap";
    line.dataset.reason = reason;
    line.textContent = text;
    this.list.append(line);
  }

  /** Take away the oldest rows beyond `limit`; their numbers. */
  trim(limit) {
    const rows = [...this.list.querySelectorAll("[data-seq]")].slice(0, -limit);
    for (const row of rows) row.remove();
    if (rows.length) this.#joinUp(this.first);
    return rows.map((row) => Number(row.dataset.seq));
  }

  #successor(seq, row) {
    let last = this.list.lastElementChild;
    while (last && Number(last.dataset.seq) > seq) last = last.previousElementSibling;
    if (last) last.after(row);
    else this.list.prepend(row);
  }

  /** Give the row a date if a day begins with it, and leave out its byline if it goes on from the row above. */
  #joinUp(row) {
    if (!row?.dataset.seq) return;
    const above = row.previousElementSibling?.dataset ?? {};
    const day = row.querySelector(".day");
    day.textContent = row.dataset.day;
    day.hidden = above.day === row.dataset.day;
    row.classList.toggle(
      "continued",
      day.hidden && Boolean(row.dataset.author) && above.author === row.dataset.author && row.dataset.at - above.at < CONTINUES_WITHIN,
    );
  }
}
