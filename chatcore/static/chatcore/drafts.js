/**
 * What somebody has begun to write in a room, kept in the browser across reloads. A tab writes only what was typed in
 * it and takes away only what it wrote itself: two tabs in one room leave each other alone. What a tab wrote itself it
 * finds again; a new one begins with what was written last.
 */

import { forget, keep, keepHere, kept, keptHere } from "./store.js";

const WRITE_AFTER = 300; // milliseconds without a key

export class Drafts {
  /** @param {string} place the account and the room */
  constructor(place) {
    this.key = `draft.${place}`;
    this.written = null;
    this.next = null;
    this.timer = null;
    addEventListener("pagehide", () => this.#write());
  }

  /** What was begun: `text`, and `reply`, the number of the message that it answers, or null. Null if nothing was. */
  begun() {
    try {
      this.written = keptHere(this.key) ?? kept(this.key);
      const { text, reply } = JSON.parse(this.written);
      return { text: String(text ?? ""), reply: Number(reply) || null };
    } catch {
      return null;
    }
  }

  /** Keep this, soon. */
  save(text, reply) {
    this.next = JSON.stringify({ text, reply });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#write(), WRITE_AFTER);
  }

  /** It was sent. */
  clear() {
    clearTimeout(this.timer);
    this.next = null;
    keepHere(this.key, null);
    if (this.written !== null && kept(this.key) === this.written) forget(this.key);
    this.written = null;
  }

  #write() {
    if (this.next === null) return;
    const { text, reply } = JSON.parse(this.next);
    if (!text && !reply) return this.clear();
    this.written = this.next;
    this.next = null;
    keep(this.key, this.written);
    keepHere(this.key, this.written);
  }
}
