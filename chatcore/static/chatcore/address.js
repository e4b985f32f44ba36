/** The page's address may name a message, as `#42`: what leads there, and what is said if there is no such message. */

import { filled, texts } from "./texts.js";

const NUMBER = /^#(\d{1,15})$/;

export class Address {
  /** @param {(seq: number) => void} go */
  constructor(go) {
    this.go = go;
    this.line = document.getElementById("astray");
    addEventListener("hashchange", () => this.follow());
    document.getElementById("rows").addEventListener("click", ({ target }) => {
      if (target.closest("a")?.getAttribute("href") === location.hash) this.follow(); // no hashchange
    });
    for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, () => this.#say(null));
  }

  /** Go to the message that the address names; whether it names one. */
  follow() {
    const [, number] = NUMBER.exec(location.hash) ?? [];
    if (number) this.go(Number(number));
    return Boolean(number);
  }

  /** The message is in sight. */
  found({ seq, deleted }) {
    this.#say(deleted ? filled(texts.message_deleted, { number: seq }) : null);
  }

  /** There is no such message, or it is not kept. */
  missing(seq) {
    this.#say(filled(texts.no_such_message, { number: seq }));
  }

  #say(text) {
    this.line.textContent = text ?? "";
    this.line.hidden = !text;
  }
}
