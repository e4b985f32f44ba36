/**
 * The change of an own message in the composer. What stood there before is put aside and comes back; the new text stays
 * there until the server has answered.
 */

import { texts } from "./texts.js";

export class Editing {
  /** @param {object} composer @param {object} target @param {object} changes as their modules have them */
  constructor(composer, target, changes) {
    this.composer = composer;
    this.target = target;
    this.changes = changes;
    this.aside = null;
  }

  get active() {
    return this.target.kind === "edit";
  }

  begin(message) {
    if (this.active) this.leave();
    this.aside = { text: this.composer.text, answered: this.target.message };
    this.composer.complain(null);
    this.composer.put(message.message);
    this.target.set("edit", message);
    this.composer.focus();
  }

  /** Send the new text. */
  submit(text) {
    const { message } = this.target;
    if (text === message.message) this.leave();
    else if (this.changes.edit(message.seq, text)) this.composer.wait(true);
    else this.composer.complain(texts.not_changed);
  }

  /** The log has a change of an own message, perhaps from another tab. */
  changed(event) {
    if (!this.active || this.target.message.seq !== event.seq) return;
    if (event.deleted) this.#gone();
    else if (this.composer.waiting || this.composer.text === event.message) this.leave();
    else this.target.set("edit", event);
  }

  leave() {
    const { text, answered } = this.aside;
    this.composer.wait(false);
    this.composer.complain(null);
    this.composer.put(text);
    this.target.clear();
    if (answered) this.target.set("reply", answered);
  }

  /** There is nothing left to change, but what was written is not thrown away. */
  #gone() {
    this.composer.wait(false);
    this.target.clear();
    this.composer.complain(texts.edited_gone);
  }
}
