/** The form in which a message is written: keys, growth, the limit, and what went wrong. Sends nothing itself. */

const SELF_SIZING = CSS.supports("field-sizing", "content");

export class Composer {
  /** @param {{longest: number, texts: object}} page @param {(text: string) => void} write */
  constructor(page, write) {
    this.page = page;
    this.form = document.getElementById("composer");
    this.field = document.getElementById("write");
    this.counter = document.getElementById("counter");
    this.trouble = document.getElementById("trouble");
    this.write = write;
    this.form.querySelector("button").disabled = false; // before this script runs, sending would reload the page
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("keydown", (event) => {
      // While an input method composes, Enter takes its suggestion (229: Safari reports the key after the composition).
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("input", () => this.#typed());
    // A finger would be met by a keyboard that hides the conversation.
    if (!this.form.hidden && matchMedia("(pointer: fine)").matches) this.field.focus();
  }

  /** Show or hide the form; somebody may lose or get the right to write while the page is open. */
  allow(writing) {
    this.form.hidden = !writing;
    document.getElementById("read-only").hidden = writing;
  }

  /** Say what went wrong, next to where it was written; null takes it away. */
  complain(text) {
    this.trouble.textContent = text ?? "";
    this.trouble.hidden = !text;
  }

  #submit() {
    const text = this.field.value;
    const length = [...text].length; // characters, as the server counts them, not UTF-16 units
    if (!text.trim()) return this.complain(this.page.texts.empty);
    if (length > this.page.longest) return this.complain(this.page.texts.too_long);
    this.field.value = "";
    this.#typed();
    this.write(text);
    this.field.focus();
  }

  #typed() {
    this.complain(null);
    const left = this.page.longest - [...this.field.value].length;
    this.counter.hidden = left > this.page.longest / 10;
    this.counter.classList.toggle("over", left < 0);
    this.counter.textContent = this.page.texts.characters_left.replace("{count}", left.toLocaleString());
    if (SELF_SIZING) return;
    this.field.style.blockSize = "auto";
    this.field.style.blockSize = `${this.field.scrollHeight + 2}px`;
  }
}
