/**
 * Messages as rows, in the order of their numbers. Every text of a person is set as `textContent`, never as markup;
 * what the house says (announcements, notices) has a template of its own that no chat message can take.
 */

const CONTINUES_WITHIN = 5 * 60_000; // milliseconds
const HUES = 8;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export class Rows {
  /** @param {HTMLElement} list @param {object} texts @param {(author: object) => boolean} isOwn */
  constructor(list, texts, isOwn) {
    this.list = list;
    this.texts = texts;
    this.isOwn = isOwn;
  }

  get first() {
    return this.list.querySelector("[data-seq]");
  }

  clear() {
    this.list.replaceChildren();
  }

  /** Show the message as it is now, in the place of its number. */
  show(message) {
    const row = this.#drawn(message);
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

  #drawn(message) {
    const chat = message.kind === "message";
    const row = document.getElementById(chat ? "chat-row" : "word-row").content.firstElementChild.cloneNode(true);
    const part = (selector) => row.querySelector(selector);
    const when = new Date(message.created_at);
    row.dataset.seq = message.seq;
    row.dataset.at = when.getTime();
    row.dataset.day = calendar.format(when);
    part(".name").textContent = message.username;
    part(".text").textContent = message.deleted ? this.texts.deleted : message.message;
    part("time").textContent = clock.format(when);
    part("time").dateTime = message.created_at;
    part("time").title = exact.format(when);
    part(".mark").hidden = !message.edited_at || message.deleted;
    part(".heading-text").textContent = message.title ?? "";
    part(".heading-text").hidden = !message.title || message.deleted;
    row.classList.toggle("deleted", message.deleted);
    if (chat) this.#signed(row, message);
    else {
      row.classList.add(message.kind);
      part(".label strong").textContent = this.texts[message.kind] ?? this.texts.announcement;
    }
    return row;
  }

  /** Who wrote it: an initial on one of a few colours, a badge for everybody who is not a person. */
  #signed(row, { author, username }) {
    row.dataset.author = `${author.type}:${author.id}:${username}`;
    row.classList.toggle("own", this.isOwn(author));
    const avatar = row.querySelector(".avatar");
    avatar.textContent = [...username][0] ?? "";
    avatar.dataset.hue = [...row.dataset.author].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 0) % HUES;
    const badge = row.querySelector(".badge");
    badge.textContent = this.texts[author.type] ?? "";
    badge.hidden = author.type === "user";
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
