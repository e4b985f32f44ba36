/** The list of the rooms: times that stay true, the banner of all rooms, and a fresh list for a tab that wakes. */

import { Banner } from "./banner.js";
import { showMoments } from "./moments.js";
import { page } from "./texts.js";

const MINUTE = 60_000; // milliseconds
const STALE_AFTER = 30_000;

let hiddenAt = null;

function wake() {
  if (document.visibilityState === "hidden") {
    hiddenAt = Date.now();
  } else if (hiddenAt !== null && Date.now() - hiddenAt >= STALE_AFTER) {
    location.reload();
  }
}

new Banner().take(page.banner);
setInterval(showMoments, MINUTE);
document.addEventListener("visibilitychange", wake);
addEventListener("pageshow", (event) => event.persisted && location.reload()); // Back leads to what was new then
