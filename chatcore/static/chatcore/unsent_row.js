/** An own message that has no number yet, drawn as it will stand in the log: when it is stored, nothing moves. */

import { CONTINUES_WITHIN, drawnRow } from "./row.js";

/**
 * @param {{id: string, text: string, reply_to: number | null, at: string}} own
 * @param {object} you who writes
 * @param {object} context as `drawnRow` takes it
 * @param {HTMLElement | null} above the row above it
 */
export function unsentRow({ id, text, reply_to, at }, you, context, above) {
  const message = {
    seq: `-${id}`, kind: "message", message: text, username: you.username, author: { type: you.type, id: you.id, name: you.name },
    title: null, priority: 3, tags: [], format: "text", url: null, reply_to, mentions: [], created_at: at, edited_at: null, deleted: false,
  };
  const row = drawnRow(message, { ...context, you: () => you });
  delete row.dataset.seq;
  row.querySelector(".more")?.remove();
  row.querySelector(".when")?.removeAttribute("href");
  row.querySelector(".day").textContent = row.dataset.day;
  joinUnsent(row, above);
  return row;
}

/** What such a row owes to the one above: a date if a day begins with it, no byline if it goes on from it. */
export function joinUnsent(row, above) {
  const day = row.querySelector(".day");
  day.hidden = above?.dataset.day === row.dataset.day;
  const soon = row.dataset.at - above?.dataset.at < CONTINUES_WITHIN;
  row.classList.toggle("continued", day.hidden && above.dataset.author === row.dataset.author && soon);
}
