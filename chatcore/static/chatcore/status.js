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
    this.latest = null; // the state, and why
  }

  /** @param {"connecting" | "live" | "waiting" | "offline" | "stopped"} state @param {string | number} [why] */
  show(state, why) {
    this.latest = [state, why];
    if (state === "stopped") this.#end(why);
    const settled = ["live", "offline", "stopped"].includes(state);
    if (settled) this.#drawLatest();
    else this.timer ??= setTimeout(() => this.#drawLatest(), UNSAID); // one for all attempts, however fast they follow
  }

  #drawLatest() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#draw(...this.latest);
  }

  #draw(state, why) {
    const { texts } = this.page;
    this.line.dataset.state = state;
    this.line.querySelector("span").textContent = why === "too_many_sockets" ? texts.too_many_sockets : texts[state];
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
