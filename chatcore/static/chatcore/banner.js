/** The strip above the page: the newest banner, until it expires, is deleted, or this reader dismisses it. */

import { fillContent } from "./content.js";
import { remember, remembered } from "./store.js";
import { ahead, texts } from "./texts.js";

/** Banners by the moment they were sent: one that went to all rooms is one. */
const DISMISSED = "dismissed-banners";
const ALARMED = "alarmed-banners";
const ALARMING = 4; // the priority from which on a banner is read out
const LONGEST_TIMER = 2 ** 31 - 1; // milliseconds

export class Banner {
  constructor() {
    this.strip = document.getElementById("banner");
    this.alarm = document.getElementById("alarm");
    this.message = null;
    this.alarmed = null; // for browsers that keep nothing
    this.timer = null;
    this.strip.querySelector("button").addEventListener("click", () => this.#dismiss());
    addEventListener("storage", ({ key }) => key?.endsWith(DISMISSED) && this.#draw()); // in another tab
    document.addEventListener("visibilitychange", () => this.#raiseAlarm());
  }

  /** A message as it is now; only banners are of interest, and none that is older than the one that is known. */
  take(message) {
    if (message?.kind !== "banner" || message.seq < (this.message?.seq ?? 0)) return;
    this.message = message;
    this.#draw();
  }

  /** The banner that stands now, or null: what was missed may have put it up or ended it. */
  stands(message) {
    this.message = message;
    this.#draw();
  }

  #draw() {
    clearTimeout(this.timer);
    const { message, strip } = this;
    const left = message?.expires_at ? Date.parse(message.expires_at) - (Date.now() - ahead) : Infinity;
    strip.hidden = !message || message.deleted || left <= 0 || remembered(DISMISSED).includes(message.created_at);
    if (strip.hidden) return;
    strip.dataset.priority = message.priority;
    strip.querySelector(".label strong").textContent = texts.banners[message.priority];
    strip.querySelector(".heading-text").textContent = message.title ?? "";
    strip.querySelector(".heading-text").hidden = !message.title;
    strip.querySelector(".text").replaceChildren();
    fillContent(strip.querySelector(".text"), message, null);
    if (left < Infinity) this.timer = setTimeout(() => this.#draw(), Math.min(left, LONGEST_TIMER));
    this.#raiseAlarm();
  }

  /** Read an urgent banner out, once in this browser, by a tab that is looked at: of the others nothing is heard. */
  #raiseAlarm() {
    const { message, strip } = this;
    if (strip.hidden || message.priority < ALARMING || document.visibilityState !== "visible") return;
    if (this.alarmed === message.created_at || remembered(ALARMED).includes(message.created_at)) return;
    this.alarmed = message.created_at;
    remember(ALARMED, message.created_at);
    this.alarm.textContent = strip.querySelector(".banner-words").innerText;
  }

  #dismiss() {
    remember(DISMISSED, this.message.created_at);
    this.strip.hidden = true;
    (document.getElementById("log") ?? document.getElementById("main")).focus(); // the button that had it is gone
  }
}
