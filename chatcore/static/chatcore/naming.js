/** What the room is called and about, wherever the page says so: it may be renamed while the page is open. */

import { page } from "./texts.js";

export class Naming {
  /** @param {(title: string) => void} titled the page's own title is to be another one */
  constructor(titled) {
    this.titled = titled;
    this.title = document.getElementById("title");
    this.topic = document.getElementById("topic");
    const name = this.title.textContent;
    this.site = document.title.startsWith(name) ? document.title.slice(name.length) : ""; // what else stands in the title
  }

  /** What the server says of the room. */
  take({ room, title, topic }) {
    this.title.textContent = title || room;
    this.topic.textContent = topic;
    this.titled((title || room) + this.site);
    if (room !== page.room) this.#move(room);
  }

  /** The page's address, and the ones that begin with it, have the new name; a reload finds the room. */
  #move(room) {
    const from = location.pathname;
    const to = from.replace(/[^/]+\/$/, `${encodeURIComponent(room)}/`);
    page.sign_in = page.sign_in.replace(encodeURIComponent(decodeURI(from)), encodeURIComponent(decodeURI(to)));
    history.replaceState(history.state, "", to + location.search + location.hash);
    for (const link of document.links) {
      if (link.pathname.startsWith(from) && from !== "/") link.pathname = to + link.pathname.slice(from.length);
    }
    page.room = room;
  }
}
