/** Completion of `@name` in the composer: a list under the caret's control that leaves the focus in the field. */

const BEGUN = /(?:^|[^\p{L}\p{N}_.+-])@([\p{L}\p{N}_.@+-]{0,150})$/u;
const MOST_SHOWN = 8;

export class Mentions {
  /**
   * @param {HTMLTextAreaElement} field
   * @param {() => Iterable<{name: string, username: string}>} people accounts that may be meant, the likeliest first
   */
  constructor(field, people) {
    this.field = field;
    this.people = people;
    this.list = document.getElementById("mention-list");
    this.begun = "";
    this.chosen = 0;
    field.addEventListener("input", () => this.#look());
    field.addEventListener("click", () => this.#look());
    field.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    this.list.addEventListener("click", ({ target }) => this.#take(target.closest("[role=option]")));
  }

  get open() {
    return !this.list.hidden;
  }

  close() {
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  /** Whether the key was meant for the list. */
  key({ key, shiftKey, ctrlKey, altKey, metaKey }) {
    if (!this.open || shiftKey || ctrlKey || altKey || metaKey) return false;
    const options = this.list.children;
    if (key === "ArrowDown") this.#choose((this.chosen + 1) % options.length);
    else if (key === "ArrowUp") this.#choose((this.chosen + options.length - 1) % options.length);
    else if (key === "Enter" || key === "Tab") this.#take(options[this.chosen]);
    else if (key === "Escape") this.close();
    else return false;
    return true;
  }

  /** Whether a name was begun before the caret, and who may be meant. */
  #look() {
    const { selectionStart: caret, selectionEnd, value } = this.field;
    const found = caret === selectionEnd && BEGUN.exec(value.slice(Math.max(0, caret - 200), caret));
    const matching = found ? this.#matching(found[1].toLowerCase()) : [];
    if (!matching.length) return this.close();
    this.begun = found[1];
    this.list.replaceChildren(...matching.map(optionOf));
    this.list.hidden = false;
    this.#choose(0);
  }

  /** People whose account, or a word of whose name, begins like this. */
  #matching(begun) {
    const found = new Map();
    for (const person of this.people()) {
      const words = [person.name, ...person.username.split(/\s+/u)];
      if (!found.has(person.name) && words.some((word) => word.toLowerCase().startsWith(begun))) found.set(person.name, person);
      if (found.size === MOST_SHOWN) break;
    }
    return [...found.values()];
  }

  #choose(index) {
    this.chosen = index;
    [...this.list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    this.list.children[index].scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", this.list.children[index].id);
  }

  #take(option) {
    if (!option) return;
    const caret = this.field.selectionStart;
    this.field.setRangeText(`${option.dataset.name} `, caret - this.begun.length, caret, "end");
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function optionOf({ name, username }, index) {
  const option = document.createElement("li");
  option.id = `mention-${index}`;
  option.setAttribute("role", "option");
  option.dataset.name = name;
  const shown = document.createElement("bdi");
  shown.textContent = username;
  const account = document.createElement("bdi");
  account.className = "account-name";
  account.textContent = `@${name}`;
  option.append(shown, " ", account);
  return option;
}
