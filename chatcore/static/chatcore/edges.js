/** The lines at the two ends of the messages: what lies beyond, and a button that shows it. */

import { texts } from "./texts.js";

export class Edges {
  /** @param {() => void} older @param {() => void} newer called when the button is pressed */
  constructor(older, newer) {
    this.top = document.getElementById("older");
    this.bottom = document.getElementById("newer");
    this.top.querySelector("button").addEventListener("click", older);
    this.bottom.querySelector("button").addEventListener("click", newer);
  }

  /**
   * @param {"none" | "more" | "loading" | "beginning" | "pruned"} above
   * @param {"none" | "more" | "loading"} below
   */
  draw(above, below) {
    drawEdge(this.top, above);
    drawEdge(this.bottom, below);
  }
}

function drawEdge(line, state) {
  const said = { loading: texts.loading, beginning: texts.beginning, pruned: texts.pruned }[state];
  const button = line.querySelector("button");
  if (state !== "more" && button === document.activeElement) document.getElementById("log").focus();
  line.hidden = state === "none";
  button.hidden = state !== "more";
  line.querySelector("span").hidden = !said;
  line.querySelector("span").textContent = said ?? "";
}
