/**
 * Which stretch of the log stands in the page: what comes live goes on at its end, older and newer pages are asked for
 * when the reader comes near, rows are let go at the far end. A goal is a message that was asked for, or the end.
 */

import { rowsToLetGo } from "./trimming.js";

const PAGE = 50;
const CONTEXT = 25; // messages above one that is asked for
const NEAR = 600; // pixels
const HIDDEN_PACE = 250; // milliseconds between drawings that nobody sees

export class LogWindow {
  /**
   * @param {{log: object, rows: object, scroll: object, edges: object}} parts
   * @param {{send: (frame: object) => boolean, shown: (message: object) => void, drawn: () => void,
   *   arrived: (goal: object) => void, astray: (goal: object) => void}} page
   *   `shown`: a message has its row; `drawn`: nothing waits any more; `arrived`: the goal is in the page; `astray`: there is no such message, or it is not kept
   */
  constructor(parts, page) {
    Object.assign(this, parts);
    this.page = page;
    this.waiting = new Map(); // seq -> "live", "missed" or "changed": drawn with the next frame
    this.due = false;
    this.moreAbove = true;
    this.pause();
    document.addEventListener("visibilitychange", () => this.flush());
  }

  /** The connection is gone, or what it missed is still coming: nothing is asked for. */
  pause() {
    this.ready = false;
    this.asked = null; // "older", "newer" or "goal"; "later": nothing yet
    this.log.expect(false);
    if (this.goal) this.goal.asked = false;
    this.#edges();
  }

  /** Everything that was there when the socket opened is known. */
  resume() {
    this.ready = true;
    this.flush();
    this.#pursue();
    this.near();
    this.#edges();
  }

  /** A message, edit or deletion, "live" or "missed". */
  take(event, how) {
    this.log.apply(event);
    if (event.type !== "message" && !this.log.messages.has(event.seq)) this.rows.requote(event); // an answer to it may be here
    if (!this.waiting.has(event.seq)) this.waiting.set(event.seq, event.type === "message" ? how : "changed");
    if (this.due) return;
    this.due = true;
    if (document.visibilityState === "visible") requestAnimationFrame(() => this.flush());
    else setTimeout(() => this.flush(), HIDDEN_PACE);
  }

  /** Draw what waits. */
  flush() {
    this.due = false;
    if (!this.waiting.size) return;
    const waiting = [...this.waiting];
    this.waiting.clear();
    this.scroll.keep(() => {
      for (const [seq, how] of waiting) this.#show(this.log.messages.get(seq), how);
      this.#trim();
      this.page.drawn();
    });
    this.#edges();
    this.near();
  }

  /** Begin anew: what comes next does not go on from what is here. `line` says so. */
  restart(reason, line) {
    this.waiting.clear();
    this.rows.clear();
    this.rows.gap(reason, line);
    this.moreAbove = true;
    this.pause();
  }

  /** Changes were missed: read again what is in view, without moving the reader. */
  renew() {
    const { seq, top } = this.scroll.anchor ?? {};
    this.goal = seq ? { seq, top, anew: true } : { end: true };
    this.pause();
  }

  /** Go to a message. `goal.orLater`: or to the first that is kept after it. */
  seek(goal) {
    this.flush();
    this.goal = { ...goal };
    this.#pursue();
  }

  toEnd() {
    this.seek({ end: true });
  }

  /** The reader has moved: ask for what comes next there. */
  near() {
    if (this.scroll.above < NEAR) this.older();
    if (this.scroll.below < NEAR) this.newer();
  }

  older() {
    if (this.moreAbove && this.log.first > 1) this.#ask("older", { before: this.log.first, limit: PAGE });
  }

  newer() {
    if (!this.log.atEnd) this.#ask("newer", { after: this.log.last, limit: PAGE });
  }

  /** The answer to what was asked. */
  answer({ messages, more }) {
    const { asked, goal } = this;
    if (!asked || asked === "later") return; // by a socket that is gone
    this.flush();
    this.asked = null;
    if (asked === "goal") {
      this.#found(messages, goal);
      this.page.drawn();
    } else {
      if (asked === "older") this.moreAbove = more;
      this.scroll.keep(() => {
        if (asked === "newer" && messages[0]?.seq !== this.after + 1) this.#goOnAfterHole(messages);
        else this.#extend(messages);
        this.page.drawn();
      });
    }
    this.#pursue();
    this.near();
    this.#edges();
  }

  /** The question was refused: for so many seconds, or for good. */
  refused(seconds) {
    this.asked = seconds ? "later" : null;
    this.log.expect(false);
    if (!seconds) this.goal = null;
    else if (this.goal) this.goal.asked = false;
    if (seconds) setTimeout(() => this.#askAgain(), 1000 * seconds);
    this.#edges();
  }

  #askAgain() {
    if (this.asked !== "later") return; // another socket
    this.asked = null;
    this.#pursue();
    this.near();
    this.#edges();
  }

  #ask(what, bounds) {
    if (!this.ready || this.asked || !this.page.send({ type: "history", ...bounds })) return;
    this.asked = what;
    this.after = bounds.after; // a number, of which the answer is the continuation
    this.log.expect(true);
    this.#edges();
  }

  #extend(messages) {
    const older = messages.length && messages[0].seq < this.log.first;
    if (older) this.rows.list.querySelector(".gap[data-reason=limit]")?.remove();
    const shown = this.log.page(messages);
    for (const message of older ? shown.reverse() : shown) {
      this.#show(message, "read");
      if (older) this.rows.requote(message);
    }
    this.#trim();
  }

  /** What was here, and what came after it, is not kept any more: the stretch begins anew with what is. */
  #goOnAfterHole(messages) {
    const shown = this.log.replace(messages);
    this.rows.clear();
    this.moreAbove = false;
    for (const message of shown) this.#show(message, "read");
  }

  #pursue() {
    const { goal, log } = this;
    if (!goal || (this.asked && this.asked !== "later")) return; // what is here can be gone to while nothing may be asked
    if (goal.end) {
      if (!log.atEnd) return goal.asked ? this.newer() : this.#askGoal({ limit: PAGE });
      this.goal = null;
      this.scroll.toEnd();
    } else if (log.messages.has(goal.seq) && (!goal.anew || goal.asked)) {
      this.goal = null;
      this.page.arrived(goal);
    } else if (this.ready && (goal.asked || goal.seq < 1 || goal.seq > log.newest)) {
      this.goal = null;
      this.page.astray(goal);
    } else this.#askGoal({ after: Math.max(0, goal.seq - CONTEXT - 1), limit: 2 * CONTEXT });
  }

  #askGoal(bounds) {
    this.#ask("goal", bounds);
    if (this.asked === "goal") this.goal.asked = true;
  }

  /** The stretch around the goal, in place of the one that was here. */
  #found(messages, goal) {
    if (goal.orLater && goal.asked) goal.seq = messages.find(({ seq }) => seq >= goal.seq)?.seq ?? goal.seq;
    if (!goal.end && !messages.some(({ seq }) => seq === goal.seq)) return this.log.expect(false);
    this.scroll.following = false;
    const focused = Number(document.activeElement?.closest(".row")?.dataset.seq);
    const shown = this.log.replace(messages);
    this.rows.clear();
    this.moreAbove = true;
    for (const message of shown) this.#show(message, "read");
    this.rows.row(focused)?.querySelector("article").focus({ preventScroll: true });
  }

  #show(message, how) {
    if (!message) return; // not in the stretch, or let go meanwhile
    const row = this.rows.show(message);
    if (how === "changed") this.rows.requote(message);
    if (how === "live" && !row.classList.contains("own")) row.classList.add("arrived");
    this.page.shown(message);
  }

  /** An endless day must not fill the memory: what is farthest from the reader is let go. It comes back when he does. */
  #trim() {
    const going = rowsToLetGo(this.log, this.rows, this.scroll);
    if (!going.length) return;
    if (going[0] === this.log.first) this.moreAbove = true;
    this.rows.remove(going);
    this.log.forget(going);
  }

  #edges() {
    const { log, asked } = this;
    const older = asked === "older" ? "loading" : log.first === 1 ? "beginning" : this.moreAbove ? "more" : "pruned";
    const newer = asked === "newer" ? "loading" : "more";
    this.edges.draw(log.first === null ? "none" : older, log.atEnd ? "none" : newer);
  }
}
