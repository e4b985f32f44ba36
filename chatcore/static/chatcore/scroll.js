/**
 * Where the reader stands in the log: kept at the end while he is there, else what he reads is kept in its place,
 * whatever is added, removed or changes its height above it.
 */

const AT_END = 30; // pixels

export class Scroll {
  /**
   * @param {(seq: number) => HTMLElement | undefined} row
   * @param {() => boolean} atEnd whether the newest message is in the page
   * @param {() => void} moved called when the reader stands elsewhere
   */
  constructor(row, atEnd, moved) {
    this.log = document.getElementById("log");
    this.list = document.getElementById("rows");
    this.row = row;
    this.atEnd = atEnd;
    this.moved = moved;
    this.following = true;
    this.was = 0; // where the reader was when he was last looked for
    this.anchor = null; // the topmost row in view, and where it stands
    this.log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const sizes = new ResizeObserver(() => this.restore());
    for (const box of [this.log, ...this.log.children]) sizes.observe(box);
  }

  /** Make a change of what stands in the log without moving the reader. */
  keep(change) {
    if (this.log.scrollTop < this.was) this.#look(); // he has gone up so lately that the scroll event is still to come
    this.#hold();
    change();
    this.restore();
  }

  /** Back to where the reader stood, after a change. */
  restore() {
    if (this.following) this.#toBottom();
    else if (this.anchor) {
      const row = this.anchor.seq ? this.row(this.anchor.seq) : this.anchor.element;
      if (row?.isConnected) this.log.scrollTop += this.#top(row) - this.anchor.top;
    }
  }

  /** To the end of the page, and along with it from now on if that is the end of the log. */
  toEnd() {
    this.following = this.atEnd();
    this.#toBottom();
    this.#hold();
    this.moved();
  }

  /** Show the row, its top at `share` of the height from above. */
  reveal(row, share) {
    this.place(row, this.log.clientHeight * share);
  }

  /** Put the row's top that many pixels below the log's. */
  place(row, pixels) {
    this.following = false;
    this.log.scrollTop += this.#top(row) - pixels;
    this.#scrolled();
  }

  /** Pixels of the log above and below of what is in view. */
  get above() {
    return this.log.scrollTop;
  }

  get below() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  /** Whether more than a screen lies between the row and what is in view. */
  isAway(row) {
    const { top, bottom } = row.getBoundingClientRect();
    const frame = this.log.getBoundingClientRect();
    return bottom < frame.top - frame.height || top > frame.bottom + frame.height;
  }

  /** Where an element stands: whether it ends `above` or `below` the log's edges, or is altogether `over` them. */
  where(element) {
    const { top, bottom } = element.getBoundingClientRect();
    const frame = this.log.getBoundingClientRect();
    return { above: top < frame.top - 1, below: bottom > frame.bottom + 1, over: bottom <= frame.top };
  }

  /** The number of the lowest message of which something is in view, or null. */
  get lowest() {
    const bottom = this.log.getBoundingClientRect().bottom;
    let index = this.#firstWhere((row) => row.getBoundingClientRect().top >= bottom) - 1;
    while (index >= 0 && !this.list.children[index].dataset.seq) index -= 1;
    return index < 0 ? null : Number(this.list.children[index].dataset.seq);
  }

  #toBottom() {
    this.log.scrollTop = this.log.scrollHeight;
    this.was = this.log.scrollTop;
  }

  /** Whether he is still at the end: what has grown below him has not moved him, only who goes up leaves it. */
  #look() {
    const stays = this.following && this.log.scrollTop >= this.was;
    this.was = this.log.scrollTop;
    this.following = (stays || this.below < AT_END) && this.atEnd();
  }

  #scrolled() {
    this.#look();
    if (this.following) this.restore();
    this.#hold();
    this.moved();
  }

  #hold() {
    const top = this.log.getBoundingClientRect().top;
    const element = this.list.children[this.#firstWhere((row) => row.getBoundingClientRect().bottom > top)];
    this.anchor = element ? { element, seq: Number(element.dataset.seq), top: this.#top(element) } : null;
  }

  #top(row) {
    return row.getBoundingClientRect().top - this.log.getBoundingClientRect().top;
  }

  /** The index of the first row for which `test` holds; it holds for all below it, too. */
  #firstWhere(test) {
    let [low, high] = [0, this.list.children.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (test(this.list.children[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
