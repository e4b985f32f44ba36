"""What reading costs in a room of a million messages, over what it costs in one of a thousand: `make bench`.

Prints a Markdown table: medians, on one running site, and the median ratio of reads in turns, so that a busy machine
weighs on both rooms. `--quick`: a hundred thousand messages instead of a million. Then what `returning` measures.
"""

import argparse
import http.client
import json
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire
from tests.bench import returning
from tests.bench.filling import filled

SMALL, LARGE, QUICK = 1_000, 1_000_000, 100_000
ROUNDS, RUNS, SEARCHES = 30, 10, 4
#: Messages of one page, and those that somebody missed who comes back.
PAGE, MISSED = 50, 500


class Reader:
    """The only member of a room of its own, which nobody else sees: its list of rooms has no other."""

    def __init__(self, site: ChatSite, name: str, size: int) -> None:
        self.site, self.room, self.size = site, name, size
        [self.cookie] = site.sign_in(name)
        site.manage("create_room", name, "--private", "--member", name)
        filled(site, name, size)
        self._wire: Wire | None = None
        [known] = self._history(before=size - MISSED + 1, limit=1)
        self._cursor = {"after": known["rev"], "id": known["id"]}
        self.leave()

    def page(self, path: str) -> None:
        """A page by HTTP."""
        with closing(http.client.HTTPConnection(self.site.host, self.site.port)) as connection:
            connection.request("GET", path, headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            text = answer.read().decode()
        assert answer.status == 200, text
        assert self.room in text

    def open(self, **cursor: Any) -> None:
        """A socket into the room, which stays, until it has `open` and the messages that come with it."""
        headers = f"Cookie: {self.cookie}\r\n".encode()
        self._wire = Wire(self.site.host, self.site.port).open(f"/ws/chat/{self.room}/?v=1", headers)
        self._answer("open", type="hello", **cursor)
        for number in range(cursor.get("after", self.size - PAGE) + 1, self.size + 1):
            assert self._next("message")["seq"] == number

    def leave(self) -> None:
        if self._wire is not None:
            self._wire.socket.close()
            self._wire = None

    def visit(self) -> None:
        """Into a room in which nobody is, for the first time."""
        self.open()
        self.leave()

    def come_back(self) -> None:
        """Into a room in which nobody is, as after a restart of the server, with a cursor."""
        self.open(**self._cursor)
        self.leave()

    def read_back(self, **bounds: int) -> None:
        """A page of messages."""
        assert len(self._history(limit=PAGE, **bounds)) == PAGE

    def follow_link(self) -> None:
        """To a message in the middle: the page, and what stands around the message."""
        self.page(f"/chat/{self.room}/")
        self.read_back(after=self.size // 2 - PAGE // 2)

    def post(self) -> None:
        """One message, until it is on disk."""
        self._answer("sent", type="send", message="one more")

    def tail(self, *options: str) -> None:
        """`chat_tail` in a process of its own."""
        done = self.site.manage("chat_tail", self.room, *options)
        assert done.returncode == 0, done.stderr

    def _history(self, **bounds: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._answer("history", type="history", **bounds)["messages"]
        return found

    def _answer(self, kind: str, **frame: Any) -> dict[str, Any]:
        if self._wire is None:
            self.open()
        assert self._wire is not None
        self._wire.send(json.dumps(frame))
        return self._next(kind)

    def _next(self, kind: str) -> dict[str, Any]:
        """The next frame of this type; others, but for errors, are passed over."""
        assert self._wire is not None
        while True:
            frame: dict[str, Any] = json.loads(self._wire.text())
            if frame["type"] == kind:
                return frame
            assert frame["type"] != "error", frame


#: What is read, how often, and how. `post` comes late: it makes the rooms longer.
READS: list[tuple[str, int, Callable[[Reader], None]]] = [
    ("the room's page", ROUNDS, lambda reader: reader.page(f"/chat/{reader.room}/")),
    (f"socket: connect, `open` and the newest {PAGE}", ROUNDS, Reader.visit),
    (f"socket: connect with a cursor, {MISSED} missed", ROUNDS, Reader.come_back),
    (f"{PAGE} further back, at the end", ROUNDS, lambda reader: reader.read_back(before=reader.size - PAGE)),
    (f"{PAGE} further back, in the middle", ROUNDS, lambda reader: reader.read_back(before=reader.size // 2)),
    (f"{PAGE} further back, at the beginning", ROUNDS, lambda reader: reader.read_back(before=2 * PAGE)),
    ("a link to a message in the middle", ROUNDS, Reader.follow_link),
    ("the list of rooms, nothing read yet", ROUNDS, lambda reader: reader.page("/")),
    ("chat_tail -n 10 --no-follow", RUNS, lambda reader: reader.tail("-n", "10", "--no-follow")),
    (
        f"chat_tail --after the middle --count {PAGE}",
        RUNS,
        lambda reader: reader.tail("--after", str(reader.size // 2), "--count", str(PAGE)),
    ),
    ("post a message, until it is on disk", ROUNDS, Reader.post),
    (
        "search for a word that nobody said (no index: up to 0.5 s)",
        SEARCHES,
        lambda reader: reader.page(f"/chat/{reader.room}/search/?q=zebra"),
    ),
]


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} messages instead of {LARGE:,}")
    large = QUICK if parser.parse_args().quick else LARGE
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        readers = [Reader(site, "small", SMALL), Reader(site, "large", large)]
        print(f"| messages in the room | {SMALL:,} | {large:,} | ratio |\n|---|---|---|---|")  # noqa: T201
        for name, rounds, read in READS:
            for reader in readers:
                reader.leave()  # a socket that nobody reads from does not answer the server's pings
            times = [tuple(timed(read, reader) for reader in readers) for _ in range(rounds + 1)][1:]
            small, big = (1000 * statistics.median(column) for column in zip(*times, strict=True))
            ratio = statistics.median(pair[1] / pair[0] for pair in times)
            print(f"| {name} | {small:.1f} ms | {big:.1f} ms | {ratio:.2f} |", flush=True)  # noqa: T201
    print()  # noqa: T201
    returning.main()


def timed(read: Callable[[Reader], None], reader: Reader) -> float:
    """Seconds."""
    start = time.perf_counter()
    read(reader)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
