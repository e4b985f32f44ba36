/** How the connection is, calmly: a short interruption changes nothing on the page, an end says what to do. */

const UNSAID = 1000; // milliseconds of an interruption that nobody is told of

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
    else this.timer = setTimeout(() => this.#draw(state), UNSAID);
  }

  #draw(state) {
    this.line.dataset.state = state;
    this.line.querySelector("span").textContent = this.page.texts[state];
    this.button.hidden = state !== "waiting";
  }

  /** Why nothing comes any more, and the way out. */
  #end(why) {
    const { texts, sign_in } = this.page;
    const box = document.getElementById("stopped");
    const text = document.createElement("p");
    const way = document.createElement("a");
    way.href = why === "signed_out" ? sign_in : document.querySelector(".back").href;
    way.textContent = why === "signed_out" ? texts.sign_in_again : texts.all_rooms;
    text.append(texts[why], " ", way);
    box.replaceChildren(text);
    box.hidden = false;
  }
}
