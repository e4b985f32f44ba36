/** Who is in the room now: how many in the bar, their names in a panel. */

import { counted, texts } from "./texts.js";

export class People {
  constructor() {
    this.button = document.getElementById("people-open");
    this.list = document.getElementById("people-here");
    this.crowd = document.getElementById("people-crowd");
    /** By account; null where there are too many to name. @type {Map<string, {id: string, name: string, username: string}> | null} */
    this.present = new Map();
  }

  /** A `presence` frame: everybody, or who came and who left, or in a crowd how many. */
  take({ count, people, joined, left }) {
    if (people) this.present = new Map(people.map((person) => [person.id, person]));
    else if (!joined.length && !left.length) this.present = null;
    for (const person of joined) this.present?.set(person.id, person);
    for (const id of left) this.present?.delete(id);
    this.#draw(count);
  }

  /** Nothing is known while the connection is gone. */
  forget() {
    this.button.querySelector("span").textContent = "";
    this.button.setAttribute("aria-label", texts.people);
    this.present = new Map();
    this.list.replaceChildren();
    this.crowd.textContent = texts.here_unknown;
    this.crowd.hidden = false;
  }

  #draw(count) {
    const words = counted(texts.here, count);
    this.button.querySelector("span").textContent = count;
    this.button.setAttribute("aria-label", `${texts.people}: ${words}`);
    this.crowd.hidden = this.present !== null;
    this.crowd.textContent = words;
    const people = [...(this.present?.values() ?? [])].sort((one, other) => one.username.localeCompare(other.username));
    this.list.replaceChildren(...people.map(rowOfPerson));
  }
}

function rowOfPerson({ name, username }) {
  const row = document.createElement("li");
  row.append(nameInIsolation(username));
  if (name !== username) row.append(" ", nameInIsolation(name, "account"));
  return row;
}

function nameInIsolation(text, kind = "") {
  const element = document.createElement("bdi");
  element.className = kind;
  element.textContent = text;
  return element;
}
