/** The room page: wires the connection, the log, the rows, the outbox and the composer to one another. */

import { Banner } from "./banner.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Log } from "./log.js";
import { Older } from "./older.js";
import { Outbox } from "./outbox.js";
import { ReadMark } from "./read_mark.js";
import { Rows } from "./rows.js";
import { Scroll } from "./scroll.js";
import { Status } from "./status.js";
import { page, texts } from "./texts.js";

const MOST_ROWS = 600;
const KEPT_ROWS = 400;

const log = new Log();
const blank = document.getElementById("blank");
const heard = document.getElementById("heard");

let opened = null; // the server's last `open`
let caughtUp = false; // everything that was there when the socket opened is shown; what comes now is live

const send = (frame) => connection.send(frame);
const rows = new Rows(document.getElementById("rows"), {
  you: () => opened?.you ?? null,
  find: (seq) => log.messages.get(seq),
});
const older = new Older(texts, () => (caughtUp && rows.first ? Number(rows.first.dataset.seq) : null), send);
const scroll = new Scroll(() => older.load());
const outbox = new Outbox(document.getElementById("outbox"), texts, send, () => connection.comeBack());
const composer = new Composer(page, (text) => {
  scroll.following = true;
  scroll.append(() => outbox.add(text));
  blank.hidden = true;
});
const readMark = new ReadMark(send);
const banner = new Banner(document.getElementById("banner"));
const status = new Status(page, () => connection.comeBack());

const scheme = location.protocol === "https:" ? "wss" : "ws";
const connection = new Connection(`${scheme}://${location.host}/ws/chat/${encodeURIComponent(page.room)}/?v=1`, {
  cursor: () => log.cursor(opened?.epoch),
  frame: (frame) => receive[frame.type]?.(frame),
  state(state, why) {
    status.show(state, why);
    if (state === "live") return;
    outbox.pause();
    older.reset();
    if (why === 1009 || why === 4029) outbox.failAll(texts.errors.rate);
    if (state === "stopped") composer.allow(false);
  },
});

const receive = {
  open(frame) {
    opened = frame;
    caughtUp = isCaughtUp();
    document.getElementById("title").textContent = frame.title || frame.room;
    document.getElementById("topic").textContent = frame.topic;
    composer.allow(frame.can_post);
    outbox.resend();
    settle();
    readMark.reopened();
    seen();
  },
  message: (event) => add(event),
  edit: (event) => change(event),
  delete: (event) => change(event),
  sent: ({ client_id, seq }) => log.messages.has(seq) && outbox.settle(client_id),
  history(frame) {
    older.answered(frame);
    scroll.prepend(() => {
      rows.list.querySelector(".gap[data-reason=limit]")?.remove();
      for (const message of frame.messages) draw(log.snapshot(message));
      older.draw();
    });
  },
  gap({ reason }) {
    log.clear();
    rows.clear();
    rows.gap(reason, texts.gaps[reason] ?? texts.gaps.history_changed);
    caughtUp = isCaughtUp();
    older.reset();
  },
  error({ code, client_id }) {
    if (!connection.live) return; // a refusal: the close code that follows says the same
    const reason = texts.errors[code] ?? texts.errors.other;
    older.reset();
    if (client_id) outbox.fail(client_id, reason);
    composer.complain(reason);
  },
};

function add(event) {
  banner.take(event);
  const live = caughtUp && !log.messages.has(event.seq);
  scroll.append(() => {
    const row = draw(log.apply(event));
    outbox.settle(event.client_id);
    if (live && row) hear(event, row);
    cut();
  });
  if (!caughtUp && isCaughtUp()) {
    caughtUp = true;
    settle();
  }
  seen();
}

/** Tell the server how far its reader has got: what stands at the end of a page that is looked at. */
function seen() {
  if (!caughtUp || !scroll.following || document.visibilityState !== "visible") return;
  readMark.move(Number(rows.list.lastElementChild?.dataset.seq ?? 0));
}

function change(event) {
  banner.take(event);
  scroll.prepend(() => draw(log.apply(event)));
}

function draw(message) {
  return message && rows.show(message);
}

/** A live message of somebody else: read out, and drawn in. */
function hear(event, row) {
  row.classList.add("arrived");
  if (row.classList.contains("own")) return;
  heard.textContent = `${event.username}: ${event.message}`;
}

/** An endless day in a busy room must not fill the memory; what is cut comes back on scrolling up. */
function cut() {
  if (!scroll.following || rows.list.childElementCount <= MOST_ROWS) return;
  for (const seq of rows.trim(KEPT_ROWS)) log.forget(seq);
  older.reset();
}

function isCaughtUp() {
  return opened.floor === opened.head || log.messages.has(opened.last_seq);
}

function settle() {
  blank.hidden = !caughtUp || Boolean(rows.first) || outbox.waiting.size > 0;
  older.reset();
  scroll.settle();
}

banner.take(page.banner);
document.addEventListener("visibilitychange", seen);
document.getElementById("log").addEventListener("scroll", seen, { passive: true });
connection.comeBack();
