/** What is read out to those who do not see the page: what others say, many at once as a number. */

import { counted, texts } from "./texts.js";

const TOGETHER = 500; // milliseconds within which messages are read out together
const MOST = 3; // more than these at once are counted
const LONGEST = 300; // characters of a text that are read out

export class Spoken {
  constructor() {
    this.region = document.getElementById("heard");
    this.waiting = [];
    this.timer = null;
  }

  /** Somebody else's message came while the page is looked at. */
  message({ username, title, message }) {
    this.waiting.push(`${username}: ${title ? `${title}. ` : ""}${shortened(message)}`);
    this.timer ??= setTimeout(() => this.#say(), TOGETHER);
  }

  /** So many messages came while the reader was away. */
  count(number) {
    if (number > 0) this.#put([counted(texts.new_messages, number)]);
  }

  #say() {
    const lines = this.waiting;
    this.waiting = [];
    this.timer = null;
    if (lines.length > MOST) this.count(lines.length);
    else this.#put(lines);
  }

  /** New elements, since a text that is set again would not be read again. */
  #put(lines) {
    this.region.replaceChildren(
      ...lines.map((line) => {
        const said = document.createElement("p");
        said.textContent = line;
        return said;
      }),
    );
  }
}

function shortened(text) {
  const letters = [...text];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST).join("")}…` : text;
}
