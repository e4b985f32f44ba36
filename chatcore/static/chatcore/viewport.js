/**
 * Keeps the composer above the keyboard of a phone. Most browsers make the window smaller for it (see the page's
 * viewport tag); Safari lays it over the page, and says so by the visual viewport alone.
 */

const KEYBOARD = 100; // pixels; what is smaller is a bar of the browser's

export function keepAboveKeyboard() {
  const view = window.visualViewport;
  const fit = () => {
    const covered = view.scale === 1 && window.innerHeight - view.height > KEYBOARD; // at another scale it is a magnifier
    if (!covered) return document.documentElement.style.removeProperty("--visible-height");
    document.documentElement.style.setProperty("--visible-height", `${view.height}px`);
    window.scrollTo(0, 0); // Safari had moved the page up, to show the field
  };
  view?.addEventListener("resize", fit);
}
