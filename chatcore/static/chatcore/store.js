/** What this browser keeps for the person, shared by its tabs. A browser that keeps nothing is no error. */

const PREFIX = "roomline.";

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
