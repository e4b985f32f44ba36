/**
 * What this page knows of a room's log: messages by number, and the cursor from which to go on. No page elements.
 * Every event may come again, and a message's snapshot may be older or newer than what is held: the result is the same.
 */

export class Log {
  constructor() {
    this.clear();
  }

  clear() {
    this.messages = new Map(); // seq -> the message, with `changed`: the rev of the last change applied to it
    this.rev = null;
    this.id = null;
  }

  /** Where `hello` goes on; nothing yet: the newest messages. */
  cursor(epoch) {
    return this.rev === null ? {} : { after: this.rev, id: this.id, epoch };
  }

  /** Apply a `message`, `edit` or `delete`; the message as it is now if that changed anything to see. */
  apply(event) {
    if (this.rev === null || event.rev > this.rev) {
      this.rev = event.rev;
      this.id = event.change_id ?? event.id;
    }
    if (event.type === "message") return this.snapshot(event);
    const held = this.messages.get(event.seq);
    if (!held || event.rev <= held.changed) return null;
    return this.#hold(event, event.rev);
  }

  /** Take a message's state as it was read from the log, unless what is held is newer. */
  snapshot(message) {
    const held = this.messages.get(message.seq);
    if (held && (held.deleted || Date.parse(message.edited_at ?? 0) <= Date.parse(held.edited_at ?? 0)) && !message.deleted) {
      return null;
    }
    return this.#hold(message, held?.changed ?? 0);
  }

  forget(seq) {
    this.messages.delete(seq);
  }

  #hold(message, changed) {
    const now = { ...message, changed };
    this.messages.set(message.seq, now);
    return now;
  }
}
