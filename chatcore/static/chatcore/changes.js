/** Own edits and deletions that the server has not answered yet. Their text stays where it was written until then. */

import { newId } from "./outbox.js";

const CHANGED_WITHIN = 10_000; // milliseconds; the server itself gives up after 5 s

export class Changes {
  /**
   * @param {(frame: object) => boolean} send whether the frame went to a live socket
   * @param {() => void} silence called when an answer is overdue: the socket is probably dead
   */
  constructor(send, silence) {
    this.send = send;
    this.silence = silence;
    this.waiting = new Map(); // client_id -> {seq, timer}
  }

  /** Whether the edit is on its way. */
  edit(seq, message) {
    return this.#ask({ type: "edit", seq, message });
  }

  /** Whether the deletion is on its way. */
  delete(seq) {
    return this.#ask({ type: "delete", seq });
  }

  /** The log has a change of this message. */
  settle(seq) {
    for (const [id, change] of this.waiting) if (change.seq === seq) this.#forget(id);
  }

  /** Whether `id` was one of ours; it was refused. */
  fail(id) {
    return this.#forget(id);
  }

  /** The connection is gone. Whether something was under way: nobody knows what became of it. */
  pause() {
    const lost = this.waiting.size > 0;
    for (const id of this.waiting.keys()) this.#forget(id);
    return lost;
  }

  #ask(frame) {
    const id = newId();
    if (!this.send({ ...frame, client_id: id })) return false;
    this.waiting.set(id, { seq: frame.seq, timer: setTimeout(this.silence, CHANGED_WITHIN) });
    return true;
  }

  #forget(id) {
    clearTimeout(this.waiting.get(id)?.timer);
    return this.waiting.delete(id);
  }
}
