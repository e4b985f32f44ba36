"""One client: a full one, as docs/protocol.md has it, on a socket of its own, which reads all that comes at once.

The handshake, control frames and what is sent are the `websockets` package's; a whole text, which is nearly all
that comes, is taken without it, because then a hundred thousand deliveries a second can be counted.
"""

import asyncio
import json
import time
from typing import Any, Protocol, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from chatcli.bench.frames import TEXT, Frame, Texts, split
from chatcli.bench.measures import View
from chatcli.bench.targets import Target
from chatcore.exceptions import ChatError

#: Seconds in which a client is in, and in which it is out again.
_PATIENCE = 30.0
_PARTING = 2.0
#: Missed since the bench began, by others' posts.
_MISSED = 5000
#: What is none of a bench's business, and comes often.
_TALK = (b'{"type":"presence"', b'{"type":"typing"')


class NotIn(ChatError):
    """A client could not join."""

    code = "not_in"


class Audience(Protocol):
    """Whom the clients tell."""

    def delivered(self, frame: Frame, now: float) -> None:
        """A message has come for the first time."""

    def answered(self, frame: Frame) -> None:
        """A send was carried out or refused."""

    def gone(self, client: "Client", code: int) -> None:
        """The connection of a client that was in has ended."""


class Client(asyncio.Protocol):
    """A socket in the room, and what it has seen."""

    def __init__(self, target: Target, cookie: str, view: View, texts: Texts, audience: Audience) -> None:
        self.view = view
        #: The close code, once the connection has ended.
        self.closed: int | None = None
        self._target, self._cookie = target, cookie
        self._read, self._audience = texts.read, audience
        self._socket = ClientProtocol(parse_uri(target.url), max_size=None)
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        loop = asyncio.get_running_loop()
        self._in: asyncio.Future[None] = loop.create_future()
        self._out: asyncio.Future[None] = loop.create_future()
        self._leaving = False

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self._socket.state is State.OPEN

    async def join(self, epoch: str) -> None:
        """Connect, and return when the server has let us into the room. NotIn."""
        loop, target = asyncio.get_running_loop(), self._target
        self._hello = {"type": "hello", "after": self.view.last, "epoch": epoch, "limit": _MISSED}
        try:
            async with asyncio.timeout(_PATIENCE):
                if target.path is not None:
                    await loop.create_unix_connection(lambda: self, target.path)
                else:
                    await loop.create_connection(lambda: self, target.host, target.port)
                await self._in
        except TimeoutError:
            raise NotIn(f"a client was not let in within {_PATIENCE:g} s") from None
        except OSError as error:
            raise NotIn(f"a client could not connect: {error.strerror or error}") from error

    def send(self, frame: dict[str, Any]) -> None:
        """Send this frame."""
        self._socket.send_text(json.dumps(frame).encode())
        self._flush()

    async def leave(self) -> None:
        """Close the connection, in order if that is quickly done."""
        closing, self._leaving = self._socket.close_rcvd, True
        if self._transport is None or self.closed is not None:
            return
        if closing is not None:  # the server was first, and the connection is about to end
            self._audience.gone(self, closing.code)
        if self.is_open:
            self._socket.send_close(1000)
            self._flush()
            await asyncio.wait([self._out], timeout=_PARTING)
        self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        request = self._socket.connect()
        request.headers["Cookie"] = self._cookie
        self._socket.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._socket.state is State.CONNECTING:
            self._feed(data, now)
            self._begin()
            return
        data = self._rest + data if self._rest else data
        frames, end = split(data)
        for first, start, begin, stop in frames:
            if first == TEXT:
                self._take(data[begin:stop], now)
            else:
                self._feed(data[start:stop], now)
        self._rest = data[end:]

    def connection_lost(self, error: Exception | None) -> None:
        self._socket.receive_eof()
        self.closed = self._socket.close_code or 1006
        self._begin()
        self._refused(f"a client was not let in: the server ended the connection ({self.closed})")
        if not self._out.done():
            self._out.set_result(None)
        if not self._leaving:
            self._audience.gone(self, self.closed)

    # What comes

    def _begin(self) -> None:
        """Say hello, once the handshake is done; or it has failed."""
        if self._socket.handshake_exc is not None:
            self._refused(f"a client was refused: {self._socket.handshake_exc}")
        elif self._socket.state is State.OPEN:
            self.send(self._hello)

    def _feed(self, data: bytes, now: float) -> None:
        """What the package is to understand: it answers pings and close frames by itself."""
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if isinstance(event, WireFrame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data), now)
        self._flush()

    def _take(self, payload: bytes, now: float) -> None:
        if payload.startswith(_TALK):
            return
        frame = self._read(payload)
        if frame.type == "message":
            if self.view.take(frame.rev, frame.seq):
                self._audience.delivered(frame, now)
        elif frame.type in ("edit", "delete"):
            self.view.take(frame.rev)
        elif frame.type == "open":
            self._entered()
        elif frame.client_id is not None:
            self._audience.answered(frame)
        elif frame.type == "error":
            self._refused(f"a client was not let in: {frame.detail} ({frame.code})")

    def _entered(self) -> None:
        if not self._in.done():
            self._in.set_result(None)

    def _refused(self, detail: str) -> None:
        if not self._in.done():
            self._in.set_exception(NotIn(detail))

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
