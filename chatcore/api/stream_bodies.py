"""The body of an answer that goes on and on: written without waiting, bounded by bytes where its reader is slow."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from chatcore import conf, metrics
from chatcore.api.requests import Scope, Send

#: The ASGI extension by which a server bounds such a body itself: see docs/decisions/0029-streams.md.
EXTENSION = "roomline.stream"
_END_PATIENCE = 2.0


class Body(Protocol):
    """What follows the headers. Nothing here raises when the reader is gone."""

    @property
    def chunked(self) -> bool:
        """Whether what is written has to be whole chunks of HTTP/1.1."""

    def write(self, data: bytes, /) -> None:
        """Something live: where too much of it waits, what waits is dropped and the reader is given up."""

    def write_catchup(self, data: bytes, /) -> None:
        """Something older, which never counts as lag: wait for `drained` before the next piece."""

    def write_last(self, data: bytes, /) -> None:
        """A last word, also to a reader who was given up."""

    async def drained(self) -> None:
        """Return when nothing waits any more, or the reader is gone."""

    async def end(self) -> None:
        """Nothing follows. Who does not take in time what waits loses it."""


def body_for(scope: Scope, send: Send, too_slow: Callable[[], None]) -> Body:
    """The best that this server has, once `http.response.start` was sent. `too_slow()` is called when its reader is
    given up. ConnectionError if the reader has left already."""
    open_stream = (scope.get("extensions") or {}).get(EXTENSION)
    found: Body = open_stream(too_slow) if open_stream is not None else QueueBody(send, too_slow)
    return found


class QueueBody:
    """For any ASGI server: what waits is counted in bytes, and one task sends it as fast as the server takes it."""

    chunked = False

    def __init__(self, send: Send, too_slow: Callable[[], None]) -> None:
        self._send, self._too_slow = send, too_slow
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._lag = 0
        self._given_up = False
        self._task: asyncio.Task[None] | None = None

    def write(self, data: bytes) -> None:
        if self._given_up:
            return
        if self._lag and self._lag + len(data) > conf.settings.OUTBOX_BYTES:
            self._given_up = True
            self._waiting.clear()
            metrics.slow_readers.add()
            self._too_slow()
            return
        self._put(data, len(data))

    def write_catchup(self, data: bytes) -> None:
        if not self._given_up:
            self._put(data, 0)

    def write_last(self, data: bytes) -> None:
        self._put(data, 0)

    async def drained(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    async def end(self) -> None:
        if self._task is not None and (await asyncio.wait([self._task], timeout=_END_PATIENCE))[1]:
            self._task.cancel()

    def _put(self, data: bytes, lag: int) -> None:
        if not data:
            return
        self._waiting.append((data, lag))
        self._lag += lag
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                data, lag = self._waiting.popleft()
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
                self._lag -= lag
        except Exception:  # the reader is gone: the server says so by http.disconnect
            self._waiting.clear()
