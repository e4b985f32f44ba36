/** What this browser keeps for the person, shared by its tabs, or for one tab. A browser that keeps nothing is no error. */

const PREFIX = "roomline.";
const REMEMBERED = 50;

/** The text kept under `key`, or null. */
export function kept(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** Keep `value`; whether the browser did. */
export function keep(key, value) {
  try {
    localStorage.setItem(PREFIX + key, value);
    return true;
  } catch {
    return false;
  }
}

export function forget(key) {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // nothing was kept
  }
}

/** The text kept under `key` for this tab alone, or null. */
export function keptHere(key) {
  try {
    return sessionStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** Keep `value` for this tab alone; null: no more. */
export function keepHere(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, value);
  } catch {
    // until the next reload
  }
}

/** The last few things on a list. */
export function remembered(list) {
  try {
    const things = JSON.parse(kept(list) ?? "[]");
    return Array.isArray(things) ? things : [];
  } catch {
    return []; // nothing of ours
  }
}

export function remember(list, thing) {
  keep(list, JSON.stringify([...remembered(list), thing].slice(-REMEMBERED)));
}
