/** How far this reader has read, told to the server at most once a second. */

const EVERY = 1000; // milliseconds

export class ReadMark {
  /** @param {(frame: object) => boolean} send whether the frame could be handed to the server */
  constructor(send) {
    this.send = send;
    this.seq = 0;
    this.told = 0;
    this.timer = null;
    addEventListener("pagehide", () => this.#tell()); // before the socket is closed (connection.js)
  }

  /** The reader has seen message `seq`. */
  move(seq) {
    this.seq = Math.max(this.seq, seq);
    if (this.seq > this.told) this.timer ??= setTimeout(() => this.#tell(), this.told ? EVERY : 0);
  }

  /** A new socket: what the old one was told may be lost. */
  reopened() {
    this.told = 0;
  }

  /** The numbers begin anew, perhaps with smaller ones. */
  forget() {
    this.seq = this.told = 0;
  }

  #tell() {
    this.timer = null;
    if (this.seq > this.told && this.send({ type: "ack", seq: this.seq })) this.told = this.seq;
  }
}
