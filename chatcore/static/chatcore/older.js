/** Older messages, a page at a time, asked for when the reader comes near the top or presses the button. */

const PAGE = 50;

export class Older {
  /**
   * @param {object} texts
   * @param {() => number | null} before the number of the oldest message shown
   * @param {(frame: object) => boolean} send
   */
  constructor(texts, before, send) {
    this.texts = texts;
    this.before = before;
    this.send = send;
    this.line = document.getElementById("older");
    this.button = this.line.querySelector("button");
    this.button.addEventListener("click", () => this.load());
    this.reset();
  }

  /** Nothing is known of what came before: after a gap, a reconnect or a cut at the top. */
  reset() {
    this.more = true;
    this.asked = false;
    this.draw();
  }

  load() {
    const before = this.before();
    if (this.asked || !this.more || before === null) return;
    if (before <= 1) this.more = false;
    else this.asked = this.send({ type: "history", before, limit: PAGE });
    this.draw();
  }

  /** The answer to what was asked; to be followed by `draw` once its messages are shown. */
  answered({ more }) {
    this.asked = false;
    this.more = more;
  }

  /** Say what is above the oldest row. */
  draw() {
    const before = this.before();
    const said = this.line.querySelector("span");
    this.line.hidden = before === null;
    this.button.hidden = this.asked || !this.more;
    said.hidden = !this.button.hidden;
    said.textContent = this.asked ? this.texts.loading : before <= 1 || before === null ? this.texts.beginning : this.texts.pruned;
  }
}
