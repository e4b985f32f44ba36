/** The room page: wires the connection, the reading and the writing side to one another, and what stands around them. */

import { Banner } from "./banner.js";
import { Connection } from "./connection.js";
import { Naming } from "./naming.js";
import { Notify } from "./notify.js";
import { People } from "./people.js";
import { Reading } from "./reading.js";
import { Status } from "./status.js";
import { page } from "./texts.js";
import { keepAboveKeyboard } from "./viewport.js";
import { Writing } from "./writing.js";

let you = page.you;

const send = (frame) => connection.send(frame);
const reading = new Reading({
  send,
  you: () => you,
  shown: (message) => writing.drawn(message),
  reached: (rev) => writing.reached(rev),
});
const writing = new Writing({
  send,
  silence: () => connection.comeBack(),
  context: reading.context,
  messages: () => reading.log.inOrder,
  people: () => [...(people.present?.values() ?? [])],
  append(change) {
    reading.append(change);
    drawBlank();
  },
});
const banner = new Banner();
const people = new People();
const naming = new Naming((title) => reading.titled(title));
const notify = new Notify();
const status = new Status(page, () => connection.comeBack());

const scheme = location.protocol === "https:" ? "wss" : "ws";
// By its number it is found under whatever name it has by then.
const address = () => `${scheme}://${location.host}${page.sockets}${encodeURIComponent(page.room)}/?v=1&number=${page.number}`;
const connection = new Connection(address, {
  cursor: () => reading.cursor,
  frame: (frame) => receive[frame.type]?.(frame),
  state(state, why) {
    status.show(state, why);
    if (state === "live") return;
    people.forget();
    writing.pause(state === "stopped");
    reading.pause();
    if (why === 1009 || why === 4029 || why === "rate") writing.flooded();
  },
});

const receive = {
  open(frame) {
    you = frame.you;
    naming.take(frame);
    banner.stands(frame.banner);
    reading.open(frame);
    writing.open(frame);
    drawBlank();
  },
  room(frame) {
    naming.take(frame);
    writing.allow(frame);
  },
  message(event) {
    if (take(event)) notify.take(event, you);
    drawBlank();
  },
  edit: (event) => take(event),
  delete: (event) => take(event),
  sent(frame) {
    writing.sent(frame);
    reading.report();
  },
  history: (frame) => reading.answer(frame),
  gap: (frame) => reading.gap(frame),
  typing: (frame) => writing.heard(frame),
  presence: (frame) => people.take(frame),
  error(frame) {
    if (!connection.live) return; // a refusal: the close code that follows says the same
    reading.refused(frame);
    writing.refused(frame);
  },
};

/** What happened in the room; whether it is a message that is news. */
function take(event) {
  banner.take(event);
  const news = reading.take(event);
  writing.took(event);
  return news;
}

/** An empty room says so, once it is known to be empty. */
function drawBlank() {
  document.getElementById("blank").hidden = !reading.empty || writing.waits;
}

keepAboveKeyboard();
banner.take(page.banner);
connection.comeBack();
