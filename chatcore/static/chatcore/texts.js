/** What the server wrote into the page, and its texts in the page's language. */

import { language } from "./times.js";

export const page = JSON.parse(document.getElementById("page").textContent);
export const { texts } = page;

/** Milliseconds by which this browser's clock is ahead of the server's. */
export const ahead = Date.now() - Date.parse(page.now);

const plurals = new Intl.PluralRules(language);
const digits = new Intl.NumberFormat(language);

/**
 * The form of a text that goes with `n`, with the number in it. The server sends a form for each of a few sample
 * numbers; the one whose plural category is that of `n` fits.
 * @param {Record<string, string>} forms by sample number
 * @param {number} n
 */
export function counted(forms, n) {
  const category = plurals.select(n);
  const sample = Object.keys(forms).find((number) => plurals.select(Number(number)) === category);
  return forms[sample].replace("{count}", digits.format(n));
}

/** The text with each `{name}` replaced by the value of that name. */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
