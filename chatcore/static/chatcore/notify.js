/**
 * Notifications and a sound while the reader looks elsewhere: for mentions of him, and for what is urgent. Both are off
 * until he switches them on, and kept for this browser.
 */

import { firstLine } from "./content.js";
import { chime } from "./sound.js";
import { keep, kept, remember, remembered } from "./store.js";
import { filled, page, texts } from "./texts.js";

const SHOWN = "notify";
const SOUND = "sound";
const RUNG = "rung"; // the message for which some tab of this browser has rung
const SEEN = "seen"; // messages that came while a tab with their room had the focus
const SAID_WITHIN = 300; // milliseconds in which such a tab says so
const MOST_NOTICES = 3; // of what was missed while the connection was gone
const URGENT = 4;

export class Notify {
  constructor() {
    this.shown = document.getElementById("notify-shown");
    this.sound = document.getElementById("notify-sound");
    this.trouble = document.getElementById("notify-trouble");
    this.calls = []; // messages to notify of
    this.shown.addEventListener("change", () => this.#switchShown());
    this.sound.addEventListener("change", () => this.#switchSound());
    document.getElementById("notify").addEventListener("toggle", () => this.#draw());
    addEventListener("storage", () => this.#draw());
    this.#draw();
  }

  /** A message that is news. @param {object} message @param {object} you who reads */
  take(message, you) {
    const own = message.author.type === you.type && message.author.id === you.id;
    const called = message.mentions.includes(you.name) && you.type === "user";
    if (own || message.deleted || !(called || message.priority >= URGENT)) return;
    if (document.hasFocus()) remember(SEEN, message.id);
    else if (this.calls.push(message) === 1) setTimeout(() => this.#call(), SAID_WITHIN);
  }

  #call() {
    const seen = remembered(SEEN);
    const unseen = this.calls.splice(0).filter(({ id }) => !seen.includes(id));
    if (!unseen.length) return;
    if (this.#mayShow && kept(SHOWN) === "on") unseen.slice(-MOST_NOTICES).forEach((message) => this.#show(message));
    const { id } = unseen.at(-1);
    if (kept(SOUND) !== "on" || kept(RUNG) === id) return;
    keep(RUNG, id);
    chime();
  }

  get #mayShow() {
    return "Notification" in window && Notification.permission === "granted";
  }

  #show(message) {
    const title = filled(texts.notified, { name: message.username, room: document.getElementById("title").textContent || page.room });
    try {
      // Tabs that have the room open show the same: the tag makes them one.
      const shown = new Notification(title, { body: message.title ?? firstLine(message), tag: message.id, silent: true });
      shown.onclick = () => {
        window.focus();
        location.hash = message.seq;
        shown.close();
      };
    } catch {
      // a browser that shows notifications only by a service worker, as on Android
      this.#complain(texts.notify_not_here);
    }
  }

  async #switchShown() {
    const wanted = this.shown.checked;
    this.#complain(null);
    if (wanted && !("Notification" in window)) this.#complain(texts.notify_not_here);
    else if (wanted && (await Notification.requestPermission()) !== "granted") this.#complain(texts.notify_blocked);
    keep(SHOWN, wanted && this.#mayShow ? "on" : "off");
    this.#draw();
  }

  #switchSound() {
    keep(SOUND, this.sound.checked ? "on" : "off");
    if (this.sound.checked) chime(); // what it will be like
  }

  #draw() {
    this.shown.checked = this.#mayShow && kept(SHOWN) === "on";
    this.sound.checked = kept(SOUND) === "on";
  }

  #complain(text) {
    this.trouble.textContent = text ?? "";
    this.trouble.hidden = !text;
  }
}
