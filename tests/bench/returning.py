"""A thousand people whose server was restarted come back at once: `make bench`.

Prints a Markdown table: the time until the last of them is in the room and has what was missed, and the CPU of it.
"""

import json
import resource
import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import masked, request
from tests.bench.filling import filled
from tests.bench.load.processes import cpu_seconds

PEOPLE, SIZE, MISSED, ROUNDS = 1_000, 1_000, 20, 5
ROOM = "newbox"
NEWEST = b'"seq":%d,' % SIZE
PATIENCE_S = 120.0


class Return(NamedTuple):
    """Seconds: until everybody is back, of the server's CPU, of this client's CPU."""

    time: float
    server: float
    client: float


class Person:
    """One socket that does not wait for the others."""

    def __init__(self, site: ChatSite, cookie: str, hello: bytes) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((site.host, site.port))
        self._handshake = request(f"/ws/chat/{ROOM}/?v=1", f"Cookie: {cookie}\r\n".encode())
        self._hello, self._received = hello, b""

    def begin(self) -> None:
        """The connection is there."""
        assert self.socket.send(self._handshake) == len(self._handshake)

    def take(self) -> bool:
        """Read what has come; whether the person is back."""
        data = self.socket.recv(1 << 18)
        assert data, self._received
        self._received += data
        if self._hello and b"\r\n\r\n" in self._received:
            assert self._received.startswith(b"HTTP/1.1 101 "), self._received
            self.socket.send(self._hello)
            self._hello = b""
        return NEWEST in self._received and b'"type":"open"' in self._received


def come_back(site: ChatSite, cookies: Sequence[str], hello: bytes) -> Return:
    """All at once."""
    assert site.process is not None
    start, used, own = time.perf_counter(), cpu_seconds([site.process.pid]), time.process_time()
    people = [Person(site, cookie, hello) for cookie in cookies]
    with selectors.DefaultSelector() as selector:
        for person in people:
            selector.register(person.socket, selectors.EVENT_WRITE, person)
        while selector.get_map():
            ready = selector.select(PATIENCE_S)
            assert ready, f"{len(selector.get_map())} of {len(people)} wait in vain"
            for key, events in ready:
                if events & selectors.EVENT_WRITE:
                    key.data.begin()
                    selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                elif key.data.take():
                    selector.unregister(key.fileobj)
    result = time.perf_counter() - start, cpu_seconds([site.process.pid]) - used, time.process_time() - own
    for person in people:
        person.socket.close()
    return Return(*result)


def returns(site: ChatSite) -> list[Return]:
    """What each restart cost; a first one, in which the server loads its code, is left out."""
    cookies = site.sign_in(*(f"person{number}" for number in range(PEOPLE)))
    site.manage("create_room", ROOM)
    filled(site, ROOM, SIZE)
    last = in_the_log(site, ROOM)[-MISSED - 1]
    hello = masked(json.dumps({"type": "hello", "after": last["rev"], "id": last["id"]}).encode())
    found = []
    for _ in range(ROUNDS + 1):
        site.stop()
        site.start()
        found.append(come_back(site, cookies, hello))
    return found[1:]


def main() -> None:
    """The table."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # of the server, too
    with ChatSite() as site:
        found = returns(site)
    time_s, server, client = (statistics.median(column) for column in zip(*found, strict=True))
    print(f"| {PEOPLE:,} sockets come back to a restarted server | |\n|---|---|")  # noqa: T201
    print(f"| until the last has `open` and the {MISSED} messages it missed | {time_s:.2f} s |")  # noqa: T201
    print(f"| joins a second | {PEOPLE / time_s:,.0f} |")  # noqa: T201
    print(f"| the server's CPU a join | {1000 * server / PEOPLE:.2f} ms |")  # noqa: T201
    print(f"| the client's CPU a join | {1000 * client / PEOPLE:.2f} ms |")  # noqa: T201


if __name__ == "__main__":
    main()
