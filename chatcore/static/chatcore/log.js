/**
 * What this page knows of a room's log: one stretch of messages, `first` to `last` without a hole, and the cursor from
 * which to go on. No page elements. Every event may come again, and a message may be read from the log older or newer
 * than it is held: the result is the same.
 */

export class Log {
  constructor() {
    this.clear();
  }

  /** Forget everything: what comes next begins anew, perhaps with smaller numbers. */
  clear() {
    this.rev = null;
    this.id = null;
    this.newest = 0; // the highest number heard of, in the stretch or not
    this.passed = new Map(); // seq -> the last change of a message outside the stretch, while a page is being read
    this.reading = false;
    this.drop();
  }

  /** Forget the messages; the cursor stays. */
  drop() {
    this.messages = new Map(); // seq -> the message, with `changed`: the rev of the last change applied to it
    this.first = null;
    this.last = null;
  }

  /** Where `hello` goes on; nothing yet: the newest messages. */
  cursor(epoch) {
    return this.rev === null ? {} : { after: this.rev, id: this.id, epoch };
  }

  /** Whether the stretch reaches the newest message: what comes live goes on from it. */
  get atEnd() {
    return this.last === null || this.last >= this.newest;
  }

  /** Apply a `message`, `edit` or `delete`; the message as it is now if that changed anything in the stretch. */
  apply(event) {
    if (this.rev === null || event.rev > this.rev) {
      this.rev = event.rev;
      this.id = event.change_id ?? event.id;
    }
    if (event.type !== "message") return this.#change(event);
    this.newest = Math.max(this.newest, event.seq);
    return this.#adjoins(event.seq, event.seq) && event.seq >= (this.first ?? 1) ? this.#snapshot(event) : null;
  }

  /** While a page is expected, changes of messages outside are kept: it may be older than they are. */
  expect(reading) {
    this.reading = reading;
    if (!reading) this.passed.clear();
  }

  /** Take a page as it was read from the log, if it goes on from the stretch: the messages to show. */
  page(messages) {
    const shown = [];
    if (messages.length && this.#adjoins(messages[0].seq, messages.at(-1).seq)) {
      for (const message of messages) {
        const now = this.#snapshot(message);
        if (now) shown.push(now);
      }
      this.newest = Math.max(this.newest, this.last);
    }
    this.expect(false);
    return shown;
  }

  /** The page is the stretch from now on. */
  replace(messages) {
    this.drop();
    return this.page(messages);
  }

  /** The messages of the stretch, by number. */
  get inOrder() {
    return Array.from({ length: this.messages.size }, (_, index) => this.messages.get(this.first + index));
  }

  /** Let go of messages at an end of the stretch. */
  forget(seqs) {
    for (const seq of seqs) this.messages.delete(seq);
    if (this.messages.size === 0) return this.drop();
    while (!this.messages.has(this.first)) this.first += 1;
    while (!this.messages.has(this.last)) this.last -= 1;
  }

  #adjoins(from, to) {
    return this.last === null || (from <= this.last + 1 && to >= this.first - 1);
  }

  #change(event) {
    const held = this.messages.get(event.seq);
    if (!held && this.reading) this.passed.set(event.seq, event);
    if (!held || event.rev <= held.changed) return null;
    return this.#hold(event, event.rev);
  }

  /** Take a message's state as it was read from the log, unless what is held is newer. */
  #snapshot(message) {
    const held = this.messages.get(message.seq);
    if (held && (held.deleted || Date.parse(message.edited_at ?? 0) <= Date.parse(held.edited_at ?? 0)) && !message.deleted) {
      return null;
    }
    this.first = Math.min(this.first ?? message.seq, message.seq);
    this.last = Math.max(this.last ?? message.seq, message.seq);
    const now = this.#hold(message, held?.changed ?? 0);
    const passed = this.passed.get(message.seq);
    return (passed && this.#change(passed)) ?? now;
  }

  #hold(message, changed) {
    const now = { ...message, changed };
    this.messages.set(message.seq, now);
    return now;
  }
}
