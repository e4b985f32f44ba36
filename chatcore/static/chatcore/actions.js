/**
 * What may be done with a message: one menu for all of them, opened by a row's button, or on a focused message by
 * Enter, Shift+F10 or the menu key; and the question before a deletion. Does nothing to a message itself.
 */

import { firstLine } from "./content.js";

const GAP_TO_MENU = 4; // pixels

export class Actions {
  /**
   * @param {{find: (seq: number) => object | undefined, allowed: (message: object) => string[], act: (deed: string, message: object) => void}} room
   *   `allowed` names what this reader may do: reply, edit, delete, link
   */
  constructor(room) {
    this.room = room;
    this.log = document.getElementById("log");
    this.menu = document.getElementById("actions");
    this.question = document.getElementById("ask-delete");
    this.message = null;
    const list = document.getElementById("rows");
    list.addEventListener("click", ({ target }) => target.closest("button.more") && this.#open(target));
    list.addEventListener("keydown", (event) => this.#called(event));
    // The menu key opens the browser's own menu when it is let go: not over ours.
    list.addEventListener("contextmenu", (event) => this.#isOpen && event.preventDefault());
    this.log.addEventListener("scroll", () => this.#isOpen && this.#place(), { passive: true });
    this.menu.addEventListener("keydown", (event) => this.#walk(event));
    this.menu.addEventListener("click", ({ target }) => this.#chosen(target.closest("[data-do]")?.dataset.do));
    this.menu.addEventListener("toggle", ({ newState }) => newState === "closed" && this.#closed());
    this.question.addEventListener("close", () => this.#answered());
  }

  get #isOpen() {
    return this.menu.matches(":popover-open");
  }

  /** The row as it is now; it is drawn anew with each change of its message. */
  get #row() {
    return document.querySelector(`#rows [data-seq="${this.message?.seq}"]`);
  }

  #called(event) {
    const menuKey = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (!menuKey && !(event.key === "Enter" && event.target.matches("article"))) return;
    event.preventDefault();
    this.#open(event.target);
  }

  #open(within) {
    const seq = Number(within.closest("[data-seq]")?.dataset.seq);
    const message = this.room.find(seq);
    if (!message) return;
    const allowed = this.room.allowed(message);
    if (!allowed.length) return;
    if (this.#isOpen) this.menu.hidePopover();
    this.message = message;
    for (const item of this.menu.children) item.hidden = !allowed.includes(item.dataset.do);
    this.menu.showPopover();
    this.#place();
    this.#row?.querySelector(".more")?.setAttribute("aria-expanded", "true");
    this.#items[0].focus();
  }

  get #items() {
    return [...this.menu.children].filter((item) => !item.hidden);
  }

  /** Next to the row's button, above it if there is no room below; a phone has it at the bottom (style.css). */
  #place() {
    const anchor = (this.#row?.querySelector(".more") ?? this.#row)?.getBoundingClientRect();
    if (!anchor) return this.menu.hidePopover();
    const { width, height } = this.menu.getBoundingClientRect();
    const below = anchor.bottom + GAP_TO_MENU;
    const top = below + height > innerHeight ? anchor.top - height - GAP_TO_MENU : below;
    const left = document.dir === "rtl" ? anchor.left : anchor.right - width;
    this.menu.style.top = `${Math.max(GAP_TO_MENU, top)}px`;
    this.menu.style.left = `${Math.max(GAP_TO_MENU, Math.min(left, innerWidth - width - GAP_TO_MENU))}px`;
  }

  #walk(event) {
    const items = this.#items;
    const at = items.indexOf(document.activeElement);
    const goal = { ArrowDown: (at + 1) % items.length, ArrowUp: (at + items.length - 1) % items.length, Home: 0, End: items.length - 1 }[event.key];
    if (goal === undefined && event.key !== "Tab") return;
    event.preventDefault();
    if (event.key === "Tab") this.menu.hidePopover();
    else items[goal].focus();
  }

  #chosen(deed) {
    if (!deed) return;
    const { message } = this;
    this.menu.hidePopover();
    if (deed !== "delete") return this.room.act(deed, message);
    this.message = message;
    this.question.querySelector("blockquote").textContent = firstLine(message);
    this.question.returnValue = "";
    this.question.showModal();
    this.question.querySelector("button.quiet").focus(); // not on what cannot be undone
  }

  /** The focus goes back by itself, unless its row was drawn anew meanwhile. */
  #closed() {
    this.#row?.querySelector(".more")?.setAttribute("aria-expanded", "false");
    if (document.activeElement === document.body) (this.#row?.querySelector("article") ?? this.log).focus();
  }

  #answered() {
    if (this.question.returnValue === "delete") this.room.act("delete", this.message);
  }
}
