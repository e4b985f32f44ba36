/** The form in which a message is written: keys, growth, the limit, and what went wrong. Sends nothing itself. */

import { counted, filled } from "./texts.js";
import { language } from "./times.js";

const SELF_SIZING = CSS.supports("field-sizing", "content");
const WARN_AT = 0.9; // of the longest text
const VAST = 20_000; // UTF-16 units beyond which a field that grows with its text would be slow
const touchScreen = matchMedia("(pointer: coarse)"); // there the button sends, and Enter breaks the line

export class Composer {
  /**
   * @param {{longest: number, texts: object}} page
   * @param {{submit: (text: string) => boolean, typed: (text: string) => void, key: (event: KeyboardEvent) => boolean}} desk
   *   `submit`: whether the text was taken, so that the field is empty now; `key`: whether the key was meant for
   *   somebody else than the field.
   */
  constructor(page, desk) {
    this.page = page;
    this.desk = desk;
    this.form = document.getElementById("composer");
    this.field = document.getElementById("write");
    this.readOnly = document.getElementById("read-only");
    this.counter = document.getElementById("counter");
    this.trouble = document.getElementById("trouble");
    this.button = document.getElementById("send");
    this.button.disabled = false; // before this script runs, sending would reload the page
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    // Before it is laid out for the first time.
    this.field.addEventListener("beforeinput", ({ data }) => data?.length > VAST && this.field.classList.add("vast"));
    this.field.addEventListener("input", () => this.#typed());
    this.#fitKeyboard();
    touchScreen.addEventListener("change", () => this.#fitKeyboard());
    // A finger would be met by a keyboard that hides the conversation.
    if (!this.form.hidden && matchMedia("(pointer: fine)").matches) this.field.focus();
  }

  get text() {
    return this.field.value;
  }

  /** Whether an answer is awaited. */
  get waiting() {
    return this.field.readOnly;
  }

  /** Put a text into the field, as if nobody had typed it. */
  put(text) {
    this.field.value = text;
    this.#fit();
  }

  focus() {
    this.field.focus();
  }

  /** Show or hide the form; somebody may lose or get the right to write while the page is open. `why` if it is known. */
  allow(writing, why) {
    if (!writing && this.form.contains(document.activeElement)) document.getElementById("log").focus();
    this.form.hidden = !writing;
    this.readOnly.hidden = writing;
    const reasons = this.readOnly.querySelectorAll("[data-why]"); // none for who is not signed in
    if (!writing && why) for (const reason of reasons) reason.hidden = reason.dataset.why !== why;
  }

  /** The page is at its end, which is said above: neither the form nor why there is none. */
  end() {
    this.allow(false);
    this.readOnly.hidden = true;
  }

  /** While an answer is awaited the text stands still. */
  wait(waiting) {
    this.field.readOnly = waiting;
    this.button.disabled = waiting;
  }

  /** Say what went wrong, next to where it was written; null takes it away. */
  complain(text) {
    this.trouble.textContent = text ?? "";
    this.trouble.hidden = !text;
  }

  #pressed(event) {
    // While an input method composes, keys are its own (229: Safari reports them after the composition).
    if (event.isComposing || event.keyCode === 229) return;
    if (this.desk.key(event)) {
      event.preventDefault();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    if (touchScreen.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    if (this.waiting) return;
    const text = withoutBlankEnds(this.field.value);
    const length = this.#length();
    if (!text) return this.complain(this.page.texts.empty);
    if (length > this.page.longest) return this.complain(filled(this.page.texts.too_long, this.#numbers(length)));
    this.complain(null);
    if (this.desk.submit(text)) this.put("");
    this.field.focus();
  }

  #typed() {
    this.complain(null);
    this.#fit();
    this.desk.typed(this.field.value);
  }

  /** Characters, as the server counts them, not UTF-16 units. */
  #length() {
    let pairs = 0;
    const text = this.field.value;
    for (let at = 0; at < text.length; at += 1) if (text.codePointAt(at) > 0xffff) (pairs += 1), (at += 1);
    return text.length - pairs;
  }

  #numbers(length) {
    const { longest } = this.page;
    const [count, limit, left] = [length, longest, longest - length].map((number) => number.toLocaleString(language));
    return { count, limit, left };
  }

  #left(length) {
    const over = length - this.page.longest;
    if (over > 0) return counted(this.page.texts.characters_over, over);
    return filled(this.page.texts.characters_left, { count: this.#numbers(length).left });
  }

  /** Bring the counter and the field's height to what stands in it. */
  #fit() {
    const near = this.field.value.length > this.page.longest * WARN_AT;
    const length = near ? this.#length() : 0;
    this.counter.hidden = length <= this.page.longest * WARN_AT;
    this.counter.classList.toggle("over", length > this.page.longest);
    this.counter.textContent = this.counter.hidden ? "" : this.#left(length);
    const vast = this.field.value.length > VAST;
    this.field.classList.toggle("vast", vast);
    if (SELF_SIZING) return;
    this.field.style.blockSize = vast ? "" : "auto";
    if (!vast) this.field.style.blockSize = `${this.field.scrollHeight + 2}px`;
  }

  #fitKeyboard() {
    this.field.enterKeyHint = touchScreen.matches ? "enter" : "send";
  }
}

/** Without empty lines above and below: on touch the Enter key leaves them. What the first line is indented by stays. */
function withoutBlankEnds(text) {
  return text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}
