/** How the connection is, calmly: a short interruption changes nothing on the page, an end says what to do. */

const PATIENCE = 1000; // milliseconds

export class Status {
  /** @param {{texts: object, sign_in: string}} page @param {() => void} tryNow */
  constructor(page, tryNow) {
    this.page = page;
    this.line = document.getElementById("state");
    this.button = document.getElementById("try-now");
    this.button.addEventListener("click", tryNow);
    this.timer = null;
  }

  /** @param {"connecting" | "live" | "waiting" | "offline" | "stopped"} state */
  show(state, why) {
    clearTimeout(this.timer);
    if (state === "stopped") this.#end(why);
    const settled = ["live", "offline", "stopped"].includes(state);
    if (settled) this.#draw(state);
    else this.timer = setTimeout(() => this.#draw(state), PATIENCE);
  }

  #draw(state) {
    this.line.dataset.state = state;
    this.line.querySelector("span").textContent = this.page.texts[state];
    this.button.hidden = state !== "waiting";
  }

  #end(why) {
    const box = document.getElementById("stopped");
    const text = document.createElement("p");
    text.append(this.page.texts[why], " ");
    if (why === "signed_out") {
      const link = document.createElement("a");
      link.href = this.page.sign_in;
      link.textContent = this.page.texts.sign_in_again;
      text.append(link);
    }
    box.replaceChildren(text);
    box.hidden = false;
  }
}
