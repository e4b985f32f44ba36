/**
 * One message as an element. Every text of a person becomes a text node, never markup; what the house says
 * (announcements, notices, banners) has a template of its own that no chat message can take.
 */

import { fillContent, firstLine } from "./content.js";
import { addressLink, speaksOf, webAddress } from "./inline.js";
import { filled, texts } from "./texts.js";
import { calendar, clock, exact } from "./times.js";

/** A message so soon after another of the same author, in milliseconds, goes without a byline. */
export const CONTINUES_WITHIN = 5 * 60_000;

const HUES = 8;
const USUAL_PRIORITY = 3;

/**
 * @param {object} message as it is now
 * @param {{you: () => object | null, find: (seq: number) => object | undefined}} context who reads, and other messages
 */
export function drawnRow(message, context) {
  const chat = message.kind === "message";
  const row = document.getElementById(chat ? "chat-row" : "word-row").content.firstElementChild.cloneNode(true);
  const when = new Date(message.created_at);
  row.dataset.seq = message.seq;
  row.dataset.at = when.getTime();
  row.dataset.day = calendar(when);
  row.classList.toggle("deleted", message.deleted);
  row.classList.toggle("for-me", speaksOf(message, context.you()));
  row.querySelector(".name").textContent = message.username;
  stamp(row, message, when);
  if (chat) sign(row, message, context);
  else {
    row.classList.add(message.kind);
    row.querySelector(".label strong").textContent = texts[message.kind] ?? texts.announcement;
  }
  if (message.deleted) sayDeleted(row);
  else say(row, message, context);
  nameArticle(row, message.seq);
  return row;
}

/** Show what `message` says now in the replies to it that stand in the list. */
export function requote(list, message) {
  for (const quote of list.querySelectorAll(`.quote[href="#${message.seq}"]`)) fillQuote(quote, message, message.seq);
}

/** When it was written, with the message's own address. */
function stamp(row, { seq, created_at, edited_at, deleted }, when) {
  const time = row.querySelector("time");
  time.textContent = clock(when);
  time.dateTime = created_at;
  const address = row.querySelector(".when");
  address.href = `#${seq}`;
  address.title = `${exact(when)} · #${seq}`;
  row.querySelector(".mark").hidden = !edited_at || deleted;
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

/** What it says, and what goes with it. */
function say(row, message, context) {
  const { title, priority, url, tags, reply_to } = message;
  fillContent(row.querySelector(".text"), message, context.you());
  const address = url && webAddress(url);
  if (title) row.querySelector(".heading-text").textContent = title;
  if (priority !== USUAL_PRIORITY) row.querySelector(".priority span").textContent = texts.priorities[priority];
  if (address) row.querySelector("p.link").append(addressLink(address, url));
  row.querySelector(".tags").append(...tags.map(tagItem));
  if (reply_to) {
    row.querySelector(".quote").href = `#${reply_to}`;
    fillQuote(row.querySelector(".quote"), context.find(reply_to), reply_to);
  }
  row.dataset.priority = priority;
  leaveOut(row, { ".quote": !reply_to, ".priority": priority === USUAL_PRIORITY, ".heading-text": !title });
  leaveOut(row, { "p.link": !address, ".tags": !tags.length });
}

function leaveOut(row, parts) {
  for (const [selector, absent] of Object.entries(parts)) if (absent) row.querySelector(selector).remove();
}

function sayDeleted(row) {
  row.querySelector(".text").textContent = texts.deleted;
  leaveOut(row, { ".quote": true, ".priority": true, ".heading-text": true, "p.link": true, ".tags": true, ".more": true });
}

/** The author and the beginning of the message that is answered; its number where the page does not have it. */
function fillQuote(quote, message, seq) {
  quote.querySelector(".quoted-name").textContent = message?.username ?? "";
  const said = message && (message.deleted ? texts.deleted : firstLine(message));
  quote.querySelector(".quoted-text").textContent = said ?? filled(texts.quoted, { number: seq });
}

function tagItem(tag) {
  const item = document.createElement("li");
  item.dir = "auto";
  item.textContent = tag;
  return item;
}

/** Give the article its name: who, and when. */
function nameArticle(row, seq) {
  const parts = [...row.querySelectorAll("[data-names]")].filter((part) => !part.hidden);
  parts.forEach((part, index) => (part.id = `m${seq}-${index}`));
  row.querySelector("article").setAttribute("aria-labelledby", parts.map((part) => part.id).join(" "));
}
