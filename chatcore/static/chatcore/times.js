/** Moments as people read them: in the page's language and the browser's zone. */

export const language = document.documentElement.lang;

const clockFormat = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const calendarFormat = new Intl.DateTimeFormat(language, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
const exactFormat = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const relativeFormat = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** The time of day. */
export const clock = (date) => clockFormat.format(date);
/** The day. */
export const calendar = (date) => calendarFormat.format(date);
/** Day and time, in full. */
export const exact = (date) => exactFormat.format(date);

/** How long ago, in the largest unit that fits. */
export function relative(date) {
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return relativeFormat.format(Math.round(seconds / size), unit);
}
