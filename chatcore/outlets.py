"""The way out to one socket. With the server's ready frames nothing is done per recipient but one write;
with a plain ASGI server each socket has a bounded queue and a task."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chatcore import conf, metrics
from chatcore.events import is_message
from chatcore.frames import text_frame

Send = Callable[[dict[str, Any]], Awaitable[None]]
#: Makes of events the bytes in which one kind of stream has them.
Form = Callable[[Sequence[bytes]], bytes]

#: The ASGI extension by which a server offers ready frames.
EXTENSION = "roomline.frames"
_TOO_SLOW = 4008
_CLOSE_PATIENCE = 2.0


class ReadyFrames(Protocol):
    """What such a server offers a socket: see docs/decisions/0007-ready-frames.md."""

    @property
    def pending(self) -> int: ...
    @property
    def closing(self) -> bool: ...
    @property
    def take(self) -> Callable[[str], bool] | None: ...
    @take.setter
    def take(self, take: Callable[[str], bool] | None) -> None: ...
    def write(self, frames: bytes) -> None: ...
    def hold(self, frames: bytes) -> None: ...
    def write_catchup(self, frames: bytes) -> None: ...
    async def drained(self) -> None: ...


@dataclass(slots=True)
class Encoded:
    """Events for sockets: the JSON texts, and the same as WebSocket frames in one piece, made once for all."""

    payloads: Sequence[bytes]
    frames: bytes
    _forms: "dict[Form, bytes] | None" = field(default=None, init=False, compare=False)

    @classmethod
    def of(cls, payloads: Sequence[bytes]) -> "Encoded":
        return cls(payloads, b"".join(map(text_frame, payloads)))

    def in_form(self, form: Form) -> bytes:
        """The same as streams of this form have it, made once for all of them."""
        if self._forms is None:
            self._forms = {}
        if (found := self._forms.get(form)) is None:
            found = self._forms[form] = form(self.payloads)
        return found


def for_plain_clients(encoded: Encoded) -> Encoded:
    """What of it a plain client understands: messages, no changes."""
    messages = [payload for payload in encoded.payloads if is_message(payload)]
    return encoded if len(messages) == len(encoded.payloads) else Encoded.of(messages)


class Outlet(Protocol):
    """One who follows a room, as the hub writes to it. Writing never raises and never waits."""

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of the HTTP API, and no socket."""

    @property
    def write(self) -> Callable[[bytes], None] | None:
        """The server's own way to write ready frames: what `live` does, without a step between. None if it has none."""

    def live(self, encoded: Encoded) -> None:
        """Write; a socket that has too much of it waiting is closed with 4008."""

    def backlog(self, encoded: Encoded) -> None:
        """Write what was asked for, which is never counted as lag: wait for `drained` before the next piece."""

    async def drained(self) -> None:
        """Return when nothing waits any more, or the socket is gone."""

    async def close(self, code: int) -> None:
        """Close after what was written."""


class SocketOutlet(Outlet, Protocol):
    """One socket, as the consumer writes to it, too."""

    def reply(self, payload: bytes) -> None:
        """Write an answer, which may go along with live events of the same turn of the loop."""

    def listen(self, take: Callable[[str], bool]) -> None:
        """Where the server can: hand each text that comes in to `take`, which returns False for what it leaves to
        `receive`, as it must while anything that came before is not done."""


def outlet_for(scope: dict[str, Any], send: Send) -> SocketOutlet:
    """The best way out that this server has."""
    frames = scope.get("extensions", {}).get(EXTENSION)
    return FrameOutlet(frames, send) if frames is not None else QueueOutlet(send)


class FrameOutlet:
    """Ready frames straight to the server's socket."""

    is_stream = False

    def __init__(self, frames: ReadyFrames, send: Send) -> None:
        self._frames = frames
        self._send = send
        self.write = frames.write

    def live(self, encoded: Encoded) -> None:
        self.write(encoded.frames)

    def reply(self, payload: bytes) -> None:
        self._frames.hold(text_frame(payload))

    def listen(self, take: Callable[[str], bool]) -> None:
        self._frames.take = take

    def backlog(self, encoded: Encoded) -> None:
        self._frames.write_catchup(encoded.frames)

    async def drained(self) -> None:
        await self._frames.drained()

    async def close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


class QueueOutlet:
    """For any ASGI server: what waits is counted in bytes, and one task sends it."""

    write = None
    is_stream = False

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._lag = 0
        self._closing: int | None = None
        self._task: asyncio.Task[None] | None = None

    def live(self, encoded: Encoded) -> None:
        if self._lag > conf.settings.OUTBOX_BYTES and self._closing is None:
            self._waiting.clear()
            metrics.slow_readers.add()
            self._end(_TOO_SLOW)
        for payload in encoded.payloads:
            self._put(payload, len(payload))

    def reply(self, payload: bytes) -> None:
        self.live(Encoded([payload], b""))

    def listen(self, take: Callable[[str], bool]) -> None:
        """A plain server has `receive` alone."""

    def backlog(self, encoded: Encoded) -> None:
        for payload in encoded.payloads:
            self._put(payload, 0)

    async def drained(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self, code: int) -> None:
        if self._closing is None:
            self._end(code)
        assert self._task is not None
        await asyncio.wait([self._task], timeout=_CLOSE_PATIENCE)

    def _put(self, payload: bytes, lag: int) -> None:
        if self._closing is None:
            self._waiting.append((payload, lag))
            self._lag += lag
            self._start()

    def _end(self, code: int) -> None:
        self._closing = code
        self._start()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                payload, lag = self._waiting.popleft()
                await self._send({"type": "websocket.send", "text": payload.decode()})
                self._lag -= lag
            if self._closing is not None:
                await self._send({"type": "websocket.close", "code": self._closing})
        except Exception:  # the socket is gone: its consumer will hear of it from the server
            self._waiting.clear()
