/** Who is writing: told to the others while somebody types here, and shown of them for a few seconds. */

import { filled, texts } from "./texts.js";

const TELL_EVERY = 3000; // milliseconds
const FORGET_AFTER = 5000;

export class Typing {
  /** @param {(frame: object) => boolean} send @param {object} you who types here */
  constructor(send, you) {
    this.send = send;
    this.you = you;
    this.line = document.getElementById("typing");
    this.told = -Infinity;
    this.writers = new Map(); // author's type and id -> {name, timer}
  }

  /** Something was typed here. */
  tell() {
    const now = performance.now();
    if (now - this.told > TELL_EVERY && this.send({ type: "typing" })) this.told = now;
  }

  /** What was typed here is sent, or gone: the next key is news again. */
  done() {
    this.told = -Infinity;
  }

  /** Somebody types. */
  heard({ author, username }) {
    if (author.type === this.you.type && author.id === this.you.id) return;
    const key = `${author.type}:${author.id}`;
    clearTimeout(this.writers.get(key)?.timer);
    this.writers.set(key, { name: username, timer: setTimeout(() => this.#forget(key), FORGET_AFTER) });
    this.#draw();
  }

  /** Somebody has sent what he typed. */
  wrote({ type, id }) {
    this.#forget(`${type}:${id}`);
  }

  #forget(key) {
    clearTimeout(this.writers.get(key)?.timer);
    if (this.writers.delete(key)) this.#draw();
  }

  #draw() {
    const [first, second] = [...this.writers.values()].map(({ name }) => isolatedName(name));
    const { one, two, many } = texts.typing;
    const text = this.writers.size > 2 ? many : second ? filled(two, { first, second }) : first ? filled(one, { name: first }) : "";
    this.line.textContent = text;
  }
}

/** A name of any direction within a sentence of another: U+2068 and U+2069 isolate it. */
function isolatedName(name) {
  return `\u2068${name}\u2069`;
}
