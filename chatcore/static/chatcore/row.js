/**
 * One message as an element. Every text of a person is set as `textContent`, never as markup; what the house says
 * (announcements, notices) has a template of its own that no chat message can take.
 */

import { texts } from "./texts.js";
import { calendar, clock, exact } from "./times.js";

const HUES = 8;

/**
 * @param {object} message as it is now
 * @param {{you: () => object | null, find: (seq: number) => object | undefined}} context who reads, and other messages
 */
export function drawnRow(message, context) {
  const chat = message.kind === "message";
  const row = document.getElementById(chat ? "chat-row" : "word-row").content.firstElementChild.cloneNode(true);
  const part = (selector) => row.querySelector(selector);
  const when = new Date(message.created_at);
  row.dataset.seq = message.seq;
  row.dataset.at = when.getTime();
  row.dataset.day = calendar(when);
  part(".name").textContent = message.username;
  part(".text").textContent = message.deleted ? texts.deleted : message.message;
  part("time").textContent = clock(when);
  part("time").dateTime = message.created_at;
  part("time").title = exact(when);
  part(".mark").hidden = !message.edited_at || message.deleted;
  part(".heading-text").textContent = message.title ?? "";
  part(".heading-text").hidden = !message.title || message.deleted;
  row.classList.toggle("deleted", message.deleted);
  if (chat) sign(row, message, context);
  else {
    row.classList.add(message.kind);
    part(".label strong").textContent = texts[message.kind] ?? texts.announcement;
  }
  return row;
}

/** Who wrote it: an initial on one of a few colours, a badge for everybody who is not a person. */
function sign(row, { author, username }, context) {
  const you = context.you();
  row.dataset.author = `${author.type}:${author.id}:${username}`;
  row.classList.toggle("own", author.type === "user" && author.type === you?.type && author.id === you.id);
  const avatar = row.querySelector(".avatar");
  avatar.textContent = [...username][0] ?? "";
  avatar.dataset.hue = [...row.dataset.author].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 0) % HUES;
  const badge = row.querySelector(".badge");
  badge.textContent = texts[author.type] ?? "";
  badge.hidden = author.type === "user";
}
