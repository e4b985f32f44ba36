/**
 * The server's sanitised HTML of a `markdown` message, built anew from what is allowed here. The only place that parses
 * HTML: into a document of its own, in which nothing runs and nothing loads, and of which no node gets into the page.
 */

import { addressLink, webAddress } from "./inline.js";

const KEPT = new Set(
  "p br hr strong em s del code pre blockquote ul ol li table thead tbody tr th td".split(" "),
);
const HEADING = /^h[1-6]$/; // the page's headings are the page's
const LINES = new Set("p li td th blockquote".split(" ")); // each has a direction of its own
const LITERAL = new Set(["code", "pre", "a"]); // no links and mentions are looked for in these

/**
 * @param {string} html
 * @param {(text: string) => Node} mark makes nodes of text that is no code and no link's label
 * @returns {DocumentFragment}
 */
export function markup(html, mark) {
  const result = document.createDocumentFragment();
  copyMarkup(new DOMParser().parseFromString(html, "text/html").body, result, mark);
  return result;
}

function copyMarkup(from, to, mark) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(mark(node.data));
    else if (node.nodeType === Node.ELEMENT_NODE) copyElement(node, to, mark);
  }
}

function copyElement(element, to, mark) {
  const name = element.localName;
  const copy = allowedElement(element, name);
  if (copy) to.append(copy.outer);
  copyMarkup(element, copy?.inner ?? to, LITERAL.has(name) ? (text) => text : mark);
}

/** The element's like in the page: `outer` to be put there, `inner` for its content; null: only its content stays. */
function allowedElement(element, name) {
  if (name === "a") return linkLike(element);
  if (HEADING.test(name)) {
    const outer = document.createElement("p");
    const inner = document.createElement("strong");
    outer.dir = "auto";
    outer.append(inner);
    return { outer, inner };
  }
  if (!KEPT.has(name)) return null;
  const inner = document.createElement(name);
  if (LINES.has(name)) inner.dir = "auto";
  if (name === "pre") inner.tabIndex = 0;
  if (name === "ol" && element.hasAttribute("start")) inner.start = element.start;
  if (name !== "table") return { outer: inner, inner };
  const outer = document.createElement("div"); // a wide table is scrolled, not the page
  outer.className = "wide";
  outer.tabIndex = 0;
  outer.append(inner);
  return { outer, inner };
}

/** A link whose label is what the element says; its own markup is not kept. */
function linkLike(element) {
  const url = webAddress(element.getAttribute("href") ?? "");
  if (!url) return null;
  return { outer: addressLink(url, element.textContent), inner: document.createDocumentFragment() };
}
