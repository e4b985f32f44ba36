/**
 * The keyboard in the log: arrows go from message to message, End to the newest. The Tab key stops at one of them, the
 * one that had the focus last, or else the lowest in view.
 */

export class ReadingKeys {
  /** @param {object} rows @param {object} scroll @param {() => void} toEnd */
  constructor(rows, scroll, toEnd) {
    this.rows = rows;
    this.scroll = scroll;
    this.toEnd = toEnd;
    const log = document.getElementById("log");
    log.addEventListener("keydown", (event) => this.#pressed(event));
    rows.list.addEventListener("focusin", ({ target }) => this.#stopAt(Number(target.closest(".row").dataset.seq)));
  }

  /** What is in view has changed. */
  moved() {
    if (!this.rows.list.contains(document.activeElement)) this.#stopAt(this.scroll.lowest);
  }

  #stopAt(seq) {
    if (seq !== this.rows.current) this.rows.mark("current", seq);
  }

  #pressed(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (target.id !== "log" && target.localName !== "article") return; // a link or a button within a message
    const here = target.localName === "article" ? Number(target.closest(".row").dataset.seq) : null;
    if (key === "End") this.toEnd();
    else if (key === "ArrowUp" || key === "ArrowDown") {
      // What is taller than the window is read by scrolling.
      if (here && this.scroll.where(target)[key === "ArrowUp" ? "above" : "below"]) return;
      if (!this.#focus(here === null ? this.scroll.lowest : here + (key === "ArrowUp" ? -1 : 1))) return;
    } else return;
    event.preventDefault();
  }

  #focus(seq) {
    const row = this.rows.row(seq);
    row?.querySelector("article").focus();
    return Boolean(row);
  }
}
