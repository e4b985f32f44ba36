/** What the composer is about, if it is not a new message: a reply to one, or an edit of one. The strip that says so. */

import { firstLine } from "./content.js";
import { filled, texts } from "./texts.js";

export class Target {
  /** @param {() => void} cancelled the reader pressed the strip's button */
  constructor(cancelled) {
    this.strip = document.getElementById("target");
    this.kind = null;
    this.message = null;
    this.strip.querySelector("button").addEventListener("click", cancelled);
  }

  /** The number of the message that is answered, or null. */
  get reply() {
    return this.kind === "reply" ? this.message.seq : null;
  }

  /** @param {"reply" | "edit"} kind @param {object} message */
  set(kind, message) {
    this.kind = kind;
    this.message = message;
    const said = kind === "edit" ? texts.editing : filled(texts.replying, { name: message.username });
    this.strip.querySelector(".target-kind").textContent = said;
    this.strip.querySelector(".target-text").textContent = message.deleted ? texts.deleted : firstLine(message);
    this.strip.dataset.kind = kind;
    this.strip.hidden = false;
  }

  clear() {
    this.kind = this.message = null;
    this.strip.hidden = true;
    for (const part of this.strip.querySelectorAll(".target-kind, .target-text")) part.textContent = ""; // it describes the field
  }
}
