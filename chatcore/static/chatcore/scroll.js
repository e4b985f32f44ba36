/** Where the reader stands in the log: kept at the end while he is there, kept in place when older rows come above. */

const AT_END = 60; // pixels
const NEAR_TOP = 300;

export class Scroll {
  /** @param {() => void} wantOlder called when the reader comes near the top */
  constructor(wantOlder) {
    this.log = document.getElementById("log");
    this.button = document.getElementById("to-end");
    this.following = true;
    this.wantOlder = wantOlder;
    this.log.addEventListener("scroll", () => this.#moved(), { passive: true });
    this.button.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.settle()).observe(this.log);
  }

  /** Run `change`, which adds rows at the end, and stay at the end if the reader was there. */
  append(change) {
    change();
    this.settle();
    if (!this.following) this.button.hidden = false;
  }

  /** Run `change`, which adds or removes rows above, and keep what is being read where it is. */
  prepend(change) {
    const { scrollHeight, scrollTop } = this.log;
    change();
    this.log.scrollTop = scrollTop + this.log.scrollHeight - scrollHeight;
    this.settle();
  }

  settle() {
    if (this.following) this.log.scrollTop = this.log.scrollHeight;
    if (this.log.scrollTop < NEAR_TOP) this.wantOlder();
  }

  toEnd() {
    this.following = true;
    this.button.hidden = true;
    this.settle();
  }

  #moved() {
    this.following = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < AT_END;
    if (this.following) this.button.hidden = true;
    if (this.log.scrollTop < NEAR_TOP) this.wantOlder();
  }
}
