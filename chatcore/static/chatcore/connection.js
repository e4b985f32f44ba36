/**
 * One socket to one room that comes back by itself. Owns the handshake (`hello` with where the reader stands), the
 * waiting between attempts, whether the line lives, and what a close code means. Knows nothing of the page's elements
 * or of messages.
 */

const FIRST_CEILING = 500; // milliseconds, as all that follow
const LAST_CEILING = 30_000;
const STEADY_AFTER = 10_000;
const GREETED_WITHIN = 15_000;
const QUIET = 25_000;
const LOOK_EVERY = 5000;
const ASLEEP = 4 * LOOK_EVERY;
const PONG_WITHIN = 10_000;
const PONG_AFTER_WAKING = 3000;
const CATCH_UP_LIMIT = 1000;
/** Who changes his password in another window has another session a moment after this one ended. */
const RENEWED_WITHIN = 2000;

const TOO_MUCH = 4029; // of something; the error frame before it says of what, and when to come back

/** Close codes after which coming back by itself would not help, and what they mean. */
const FINAL = { 4401: "signed_out", 4403: "forbidden", 4404: "not_found" };

export class Connection {
  /**
   * @param {() => string} url where to, asked anew each time
   * @param {{cursor: () => object, frame: (frame: object) => void, state: (state: string, why?: string | number) => void}} room
   *   `cursor` gives hello's `after`, `id` and `epoch`; states are connecting, live, waiting, offline and stopped.
   */
  constructor(url, room) {
    this.url = url;
    this.room = room;
    this.socket = null;
    this.timer = null; // the next attempt, or the end of patience with the one that is under way
    this.pong = null; // the end of patience with a line that says nothing
    this.awaySince = null; // since when there is no line that lasts
    this.refusal = null; // what this socket was told that it was too much of, and until when the server wants no more
    this.notBefore = 0;
    this.stopped = false;
    this.livedUntil = 0;
    this.heardAt = 0;
    this.lookedAt = Date.now();
    addEventListener("online", () => this.comeBack());
    // Offline, a socket hangs without ending. A server on this very machine is reached again at once.
    addEventListener("offline", () => this.#closed());
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", (event) => event.persisted && this.comeBack());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    setInterval(() => this.#look(), LOOK_EVERY);
    new BroadcastChannel("roomline").onmessage = ({ data }) => data.type === "signed_out" && this.comeBack(); // the server knows whether it is so
  }

  get live() {
    return this.socket?.greeted === true && this.socket.readyState === WebSocket.OPEN;
  }

  /** Connect now, whatever wait is running; an open socket is replaced, since it may be dead without knowing. */
  comeBack() {
    if (this.stopped) return;
    this.#drop();
    this.refusal = null;
    this.room.state("connecting");
    const socket = new WebSocket(this.url());
    this.socket = socket;
    this.timer = setTimeout(() => this.#closed(), GREETED_WITHIN);
    socket.onopen = () => {
      if (socket.readyState !== WebSocket.OPEN) return; // refused in the same breath: its close code is on the way
      socket.send(JSON.stringify({ type: "hello", limit: CATCH_UP_LIMIT, ...this.room.cursor() }));
    };
    socket.onmessage = ({ data }) => this.#receive(socket, JSON.parse(data));
    socket.onclose = ({ code }) => this.#closed(code);
  }

  /** Do not come back any more. */
  stop(why) {
    if (this.stopped) return;
    this.#drop();
    this.stopped = true;
    this.room.state("stopped", why);
  }

  /** Whether the frame could be handed to a live socket. */
  send(frame) {
    if (!this.live) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  #receive(socket, frame) {
    if (socket !== this.socket) return;
    this.heardAt = Date.now();
    this.#stopProbing();
    if (frame.type === "error" && frame.retry_after) {
      this.refusal = frame.code;
      this.notBefore = this.heardAt + 1000 * frame.retry_after;
    }
    if (frame.type === "open") {
      socket.greeted = true;
      clearTimeout(this.timer);
      this.steady = setTimeout(() => (this.awaySince = null), STEADY_AFTER);
      this.room.state("live");
    }
    this.room.frame(frame);
  }

  #closed(code) {
    if (this.stopped) return;
    if (this.socket?.greeted) this.livedUntil = Date.now();
    const renewing = FINAL[code] === "signed_out" && Date.now() - this.livedUntil < RENEWED_WITHIN;
    if (code in FINAL && !renewing) {
      this.stop(FINAL[code]);
      return;
    }
    this.#drop();
    const refused = code === TOO_MUCH && this.refusal !== null;
    this.room.state(navigator.onLine ? "waiting" : "offline", refused ? this.refusal : code);
    // Full jitter: a server that restarts is not met by everybody at once. Nobody waits longer than he has been away,
    // however many attempts he has made meanwhile.
    this.awaySince ??= Date.now();
    const ceiling = Math.min(LAST_CEILING, Math.max(FIRST_CEILING, Date.now() - this.awaySince));
    const asked = refused ? Math.max(0, this.notBefore - Date.now()) : 0;
    this.timer = setTimeout(() => this.comeBack(), asked + Math.random() * ceiling);
  }

  /** Somebody looks at the page again: nobody waits for a backoff, nor writes into a line that died meanwhile. */
  #wake() {
    if (this.socket) this.#probe(PONG_AFTER_WAKING);
    else this.comeBack();
  }

  #look() {
    const now = Date.now();
    const slept = now - this.lookedAt > ASLEEP; // the whole machine did
    this.lookedAt = now;
    if (slept && document.visibilityState === "visible") this.#wake();
    else if (now - this.heardAt > QUIET && !this.pong) this.#probe(PONG_WITHIN);
  }

  #probe(patience) {
    if (!this.send({ type: "ping" })) return;
    this.#stopProbing();
    this.pong = setTimeout(() => this.comeBack(), patience);
  }

  #stopProbing() {
    clearTimeout(this.pong);
    this.pong = null;
  }

  #drop() {
    clearTimeout(this.timer);
    clearTimeout(this.steady);
    this.#stopProbing();
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }
}
