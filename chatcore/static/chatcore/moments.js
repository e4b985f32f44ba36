/** Moments that the server wrote into a page, in words of the page's language and in the browser's zone. */

import { exact, language, relative } from "./times.js";

const FORMS = {
  day: new Intl.DateTimeFormat(language, { dateStyle: "medium" }),
  moment: new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
};

/** Write each `<time>` anew: by its form, or as how long ago it was. */
export function showMoments() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    element.textContent = FORMS[element.dataset.form]?.format(date) ?? relative(date);
    element.title = exact(date);
  }
}

showMoments();
