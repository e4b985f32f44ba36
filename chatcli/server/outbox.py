"""What is on its way to one socket: whole frames in one order, sent at once while nothing waits, bounded when it does.

It is the object that the application finds in `scope["extensions"]["roomline.frames"]`. It knows nothing of WebSocket's
frames but that each piece is one or several whole ones.
"""

# ruff: noqa: N802  Twisted's names

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer  # type: ignore[import-untyped]

CHUNK_BYTES = 65536  # what Twisted is given at a time; it asks again when the kernel has taken that


class Transport(Protocol):
    """What we use of Twisted's: ITransport, IConsumer and ISystemHandle."""

    def getHandle(self) -> Any: ...
    def writeSequence(self, data: Iterable[bytes], /) -> None: ...
    def registerProducer(self, producer: Any, streaming: bool, /) -> None: ...
    def unregisterProducer(self) -> None: ...


@implementer(IPullProducer)
class Outbox:
    """The output of one connection. Nothing here raises when the peer is gone: Twisted sees the same and cleans up."""

    __slots__ = (
        "_cap", "_chunks", "_counted", "_direct", "_drained", "_given", "_given_counted", "_held", "_overflow",
        "_queue", "_registered", "_socket", "_stall", "_transport", "_watch", "closing", "pending", "take",
    )  # fmt: skip

    def __init__(self, transport: Transport, cap: int, stall: float, overflow: Callable[[], None]) -> None:
        """`overflow()` is called once: when more than `cap` bytes of live frames would wait, or when something waits
        and the peer has taken nothing for `stall` seconds, or twice that."""
        handle = transport.getHandle()
        #: None under TLS, where bytes on the bare socket would be plaintext in the middle of the stream.
        self._socket = handle if isinstance(handle, socket.socket) else None
        self._transport, self._cap, self._overflow = transport, cap, overflow
        #: Replies that wait for the end of this turn, or for live frames to go along with.
        self._held: list[bytes] = []
        #: Frames, and how many of their bytes count against the cap; None while nothing waits, as with most sockets.
        self._queue: deque[tuple[bytes, int]] | None = None
        self._counted = 0
        self._given = self._given_counted = 0  # of that, what Twisted has
        #: Nothing waits anywhere, so that a send overtakes nothing. Not so at first: HTTP may have left bytes behind.
        self._direct = False
        self._registered = False
        self._drained: list[asyncio.Future[None]] = []
        self._stall = stall
        #: Chunks that were passed on, and the next look whether there are more of them; none while nothing waits.
        self._chunks = 0
        self._watch: asyncio.TimerHandle | None = None
        #: Bytes that the kernel has not taken yet.
        self.pending = 0
        #: The socket is closing or gone: what is written now is dropped.
        self.closing = False
        #: What the application does with a text that comes in; False to find it in its queue instead.
        self.take: Callable[[str], bool] | None = None

    def write(self, frames: bytes) -> None:
        """Live frames. Over the cap, the frames that wait are dropped and the socket is closed with 4008."""
        if self._held:
            frames = b"".join([*self._held, frames])
            self._held.clear()
        if self._direct:
            try:
                sent = self._socket.send(frames)  # type: ignore[union-attr]
            except OSError:  # full, or broken
                sent = 0
            if sent == len(frames):
                return
            frames = frames[sent:]
        elif self.closing:
            return
        elif self._counted and self._counted + len(frames) > self._cap:
            self.clear()
            self._overflow()
            return
        self._wait(frames, len(frames))

    def hold(self, frames: bytes) -> None:
        """Frames that go out with the next ones, in one write, or by themselves at the end of this turn of the loop."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._let_go)
        self._held.append(frames)

    def _let_go(self) -> None:
        if self._held:
            self.write(b"")

    def write_catchup(self, frames: bytes) -> None:
        """Older frames, which the reader asked for: they wait without counting as lag."""
        self._let_go()
        if frames and not self.closing:
            self._wait(frames, 0)

    def write_last(self, data: bytes) -> None:
        """Handshakes and close frames: whatever the cap and the state say."""
        self._wait(data, 0)

    async def drained(self) -> None:
        """Return when nothing is pending any more, or the socket is closing or gone."""
        self._let_go()
        if self.pending and not self.closing:
            waiter = asyncio.get_running_loop().create_future()
            self._drained.append(waiter)
            await waiter

    def close(self) -> None:
        """Take no more frames; those that wait are still sent."""
        self._let_go()
        self.closing = True
        self._direct = False
        self._release()

    def clear(self) -> None:
        """Drop the whole frames that wait. What Twisted has may be a part of one, and stays."""
        self._queue = None
        self.pending, self._counted = self._given, self._given_counted

    def flush(self) -> None:
        """Give Twisted everything, before the transport is told to close."""
        self.close()
        self._transport.writeSequence([frames for frames, _ in self._queue or ()])
        self._queue = None

    def _wait(self, data: bytes, counted: int) -> None:
        self._direct = False
        if self._queue is None:
            self._queue = deque()
        self._queue.append((data, counted))
        self.pending += len(data)
        self._counted += counted
        if not self._registered:
            self._registered = True
            self._transport.registerProducer(self, False)  # asks for the first chunk at once
        if self._watch is None and not self.closing:
            self._watch = asyncio.get_running_loop().call_later(self._stall, self._look, self._taken())

    def _look(self, before: object) -> None:
        """A peer that takes nothing is no slow one, whatever it says meanwhile."""
        self._watch = None
        if not self.pending or self.closing:
            return
        if (taken := self._taken()) == before:
            self._overflow()
        else:
            self._watch = asyncio.get_running_loop().call_later(self._stall, self._look, taken)

    def _taken(self) -> object:
        """Another value when the kernel has taken more: a chunk may be one long piece, which goes bit by bit."""
        lower = getattr(self._transport, "transport", self._transport)  # below TLS
        return self._chunks, getattr(lower, "offset", 0), len(getattr(lower, "dataBuffer", b""))

    def resumeProducing(self) -> None:
        """Twisted has passed on what it was given (IPullProducer)."""
        self._chunks += 1
        self.pending -= self._given
        self._counted -= self._given_counted
        self._given = self._given_counted = 0
        chunk = []
        while self._queue and self._given < CHUNK_BYTES:
            frames, counted = self._queue.popleft()
            chunk.append(frames)
            self._given += len(frames)
            self._given_counted += counted
        if chunk:
            self._transport.writeSequence(chunk)
            return
        self._queue = None
        self._registered = False
        self._direct = self._socket is not None and not self.closing
        self._transport.unregisterProducer()
        self._release()

    def stopProducing(self) -> None:
        """The connection is gone (IPullProducer)."""
        self.closing, self._direct, self._queue, self.take = True, False, None, None
        self._held.clear()
        self._registered = False
        self.pending = 0
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._release()

    def _release(self) -> None:
        waiters, self._drained = self._drained, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
