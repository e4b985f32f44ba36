/**
 * Own messages that are not in the log yet: shown at once, sent again after each reconnect under the same `client_id`
 * (the server stores it once), settled by `sent` or by the message itself, kept with a way out when refused.
 */

const ANSWER_WITHIN = 10_000; // milliseconds; the server itself gives up after 5 s

/** A random UUID; `crypto.randomUUID` exists in secure contexts only, and a chat on a LAN address is none. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  /**
   * @param {HTMLElement} list
   * @param {object} texts
   * @param {(frame: object) => boolean} send whether the frame went to a live socket
   * @param {() => void} silence called when an answer is overdue: the socket is probably dead
   */
  constructor(list, texts, send, silence) {
    this.list = list;
    this.texts = texts;
    this.send = send;
    this.silence = silence;
    this.waiting = new Map(); // client_id -> {text, row, failed, timer}
  }

  add(text) {
    const row = document.getElementById("outbox-row").content.firstElementChild.cloneNode(true);
    const id = newId();
    row.querySelector(".text").textContent = text;
    row.querySelector("[data-do=retry]").onclick = () => this.#try(id);
    row.querySelector("[data-do=discard]").onclick = () => this.#remove(id);
    this.waiting.set(id, { text, row });
    this.list.append(row);
    this.#try(id);
  }

  /** After a reconnect: everything that nobody answered goes out once more. */
  resend() {
    for (const [id, own] of this.waiting) if (!own.failed) this.#try(id);
  }

  /** The connection is gone: answers are no longer due. */
  pause() {
    for (const own of this.waiting.values()) {
      clearTimeout(own.timer);
      if (!own.failed) this.#say(own, this.texts.waits);
    }
  }

  /** The message stands in the log. */
  settle(id) {
    this.#remove(id);
  }

  /** Whether `id` was one of ours; it is marked with the reason. */
  fail(id, reason) {
    const own = this.waiting.get(id);
    if (!own) return false;
    clearTimeout(own.timer);
    own.failed = true;
    own.row.classList.replace("waiting", "failed");
    for (const button of own.row.querySelectorAll("button")) button.hidden = false;
    this.#say(own, reason);
    return true;
  }

  failAll(reason) {
    for (const id of this.waiting.keys()) this.fail(id, reason);
  }

  #try(id) {
    const own = this.waiting.get(id);
    clearTimeout(own.timer);
    own.failed = false;
    own.row.classList.replace("failed", "waiting");
    for (const button of own.row.querySelectorAll("button")) button.hidden = true;
    const gone = this.send({ type: "send", message: own.text, client_id: id });
    this.#say(own, gone ? this.texts.sending : this.texts.waits);
    if (gone) own.timer = setTimeout(this.silence, ANSWER_WITHIN);
  }

  #say(own, text) {
    own.row.querySelector(".fate span").textContent = text;
  }

  #remove(id) {
    const own = this.waiting.get(id);
    if (!own) return;
    clearTimeout(own.timer);
    own.row.remove();
    this.waiting.delete(id);
  }
}
