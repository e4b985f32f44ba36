"""Requests on connections that stay, each with one in flight; in one process, which does nothing else."""

import asyncio
import re
import time
from dataclasses import dataclass, field

#: Where the length of a body stands in an answer's head.
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TEXT = "a line as long as lines in a chat are on most days, sixty ch"


@dataclass
class Load:
    """What is asked for, and what came of it. `counting`: whether answers count, which they do after the warm-up."""

    head: bytes
    #: Statuses that are no success: none, or the run is worth nothing.
    failed: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    sent: int = 0
    counting: bool = False
    going: bool = True

    def next(self) -> bytes:
        """Another request, with a text of its own."""
        self.sent += 1
        body = b'{"message":"%s %d"}' % (TEXT.encode(), self.sent)
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body)


class Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load, self._received, self._length = load, b"", -1
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._length < 0 and (end := self._received.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._received, 0, end + 2)
            self._length = end + 4 + (int(found[1]) if found else 0)
        if 0 <= self._length <= len(self._received):
            self._answered()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._load.failed.append(b"connection lost")
            self.ended.set_result(None)

    def _ask(self) -> None:
        self._start = time.perf_counter()
        self._transport.write(self._load.next())

    def _answered(self) -> None:
        if self._load.counting:
            self._load.times.append(time.perf_counter() - self._start)
        if not self._received.startswith(b"HTTP/1.1 201 "):
            self._load.failed.append(self._received[:200])
        self._received, self._length = b"", -1
        if self._load.going and not self._load.failed:
            self._ask()
        else:
            self.ended.set_result(None)
            self._transport.close()
