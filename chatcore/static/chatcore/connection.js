/**
 * One socket to one room that comes back by itself. Owns the handshake (`hello` with where the reader stands), the
 * waiting between attempts and what a close code means. Knows nothing of the page's elements or of messages.
 */

const FIRST_CEILING = 500; // milliseconds
const LAST_CEILING = 30_000;
const STEADY_AFTER = 10_000;
const CATCH_UP_LIMIT = 1000;

/** Close codes after which coming back by itself would not help, and what they mean. */
const FINAL = { 4401: "signed_out", 4403: "forbidden", 4404: "not_found" };

export class Connection {
  /**
   * @param {string} url
   * @param {{cursor: () => object, frame: (frame: object) => void, state: (state: string, why?: string | number) => void}} room
   *   `cursor` gives hello's `after`, `id` and `epoch`; states are connecting, live, waiting, offline and stopped.
   */
  constructor(url, room) {
    this.url = url;
    this.room = room;
    this.socket = null;
    this.timer = null;
    this.attempts = 0;
    this.stopped = false;
    addEventListener("online", () => this.comeBack());
    // Offline, a socket hangs without ending. A server on this very machine is reached again at once.
    addEventListener("offline", () => this.#closed());
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", (event) => event.persisted && this.comeBack());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && !this.socket) this.comeBack();
    });
  }

  get live() {
    return this.socket?.greeted === true && this.socket.readyState === WebSocket.OPEN;
  }

  /** Connect now, whatever wait is running; an open socket is replaced, since it may be dead without knowing. */
  comeBack() {
    if (this.stopped) return;
    this.#drop();
    this.room.state("connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      if (socket.readyState !== WebSocket.OPEN) return; // refused in the same breath: its close code is on the way
      socket.send(JSON.stringify({ type: "hello", limit: CATCH_UP_LIMIT, ...this.room.cursor() }));
    };
    socket.onmessage = ({ data }) => this.#receive(socket, JSON.parse(data));
    socket.onclose = ({ code }) => this.#closed(code);
  }

  /** Whether the frame could be handed to a live socket. */
  send(frame) {
    if (!this.live) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  #receive(socket, frame) {
    if (socket !== this.socket) return;
    if (frame.type === "open") {
      socket.greeted = true;
      this.steady = setTimeout(() => (this.attempts = 0), STEADY_AFTER);
      this.room.state("live");
    }
    this.room.frame(frame);
  }

  #closed(code) {
    if (this.stopped) return;
    this.#drop();
    if (code in FINAL) {
      this.stopped = true;
      this.room.state("stopped", FINAL[code]);
      return;
    }
    this.room.state(navigator.onLine ? "waiting" : "offline", code);
    // Full jitter: a server that restarts is not met by everybody at once.
    this.attempts += 1;
    const ceiling = Math.min(LAST_CEILING, FIRST_CEILING * 2 ** this.attempts);
    this.timer = setTimeout(() => this.comeBack(), Math.random() * ceiling);
  }

  #drop() {
    clearTimeout(this.timer);
    clearTimeout(this.steady);
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }
}
