/** The strip above the messages: the room's newest banner, until it expires, is deleted, or this reader dismisses it. */

const DISMISSED = "roomline.dismissed-banner";
const LONGEST_TIMER = 2 ** 31 - 1; // milliseconds

export class Banner {
  /** @param {HTMLElement} strip */
  constructor(strip) {
    this.strip = strip;
    this.message = null;
    this.timer = null;
    strip.querySelector("button").addEventListener("click", () => this.#dismiss());
    addEventListener("storage", ({ key }) => key === DISMISSED && this.#draw()); // in another tab
  }

  /** A message as it is now; only banners are of interest, and none that is older than the one that is known. */
  take(message) {
    if (message?.kind !== "banner" || message.seq < (this.message?.seq ?? 0)) return;
    this.message = message;
    this.#draw();
  }

  #draw() {
    clearTimeout(this.timer);
    const { message, strip } = this;
    const left = message?.expires_at ? Date.parse(message.expires_at) - Date.now() : Infinity;
    strip.hidden = !message || message.deleted || left <= 0 || stored() === message.id;
    if (strip.hidden) return;
    strip.querySelector(".heading-text").textContent = message.title ?? "";
    strip.querySelector(".heading-text").hidden = !message.title;
    strip.querySelector(".text").textContent = message.message;
    if (left < Infinity) this.timer = setTimeout(() => this.#draw(), Math.min(left, LONGEST_TIMER));
  }

  #dismiss() {
    try {
      localStorage.setItem(DISMISSED, this.message.id);
    } catch {
      // a browser that keeps nothing: until the next reload
    }
    this.strip.hidden = true;
    document.getElementById("log").focus(); // the button that had it is gone
  }
}

function stored() {
  try {
    return localStorage.getItem(DISMISSED);
  } catch {
    return null;
  }
}
