/**
 * What a message says, as elements: plain text with its links and mentions, code, or markup from markup.js. Every text
 * of a person becomes a text node.
 */

import { markup } from "./markup.js";
import { inline } from "./inline.js";

/**
 * @param {HTMLElement} box empty
 * @param {object} message
 * @param {object | null} you who reads
 */
export function fillContent(box, message, you) {
  box.classList.toggle("markup", message.html !== undefined);
  if (message.format === "code") {
    const block = document.createElement("pre");
    const code = document.createElement("code");
    block.tabIndex = 0; // long lines are scrolled, also with keys
    code.textContent = message.message;
    block.append(code);
    box.append(block);
  } else if (message.html !== undefined) {
    box.append(markup(message.html, (text) => inline(text, message.mentions, you)));
  } else {
    box.append(inline(message.message, message.mentions, you));
  }
}

/** The first line of what the message says, for where there is room for no more. */
export function firstLine(message) {
  return message.message.trim().split("\n", 1)[0].slice(0, 200);
}
