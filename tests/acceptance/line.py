"""A WebSocket that reads cheaply: whole texts, which are nearly all that comes, are parsed once for all sockets.

The handshake and control frames are the `websockets` package's.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from chatcli.bench.frames import TEXT, split

#: So many texts are remembered.
MANY = 2000
parsed: dict[bytes, dict[str, Any]] = {}


def parse(text: bytes) -> dict[str, Any]:
    """The frame; the same object for the same text, so it must not be changed."""
    frame = parsed.get(text)
    if frame is None:
        if len(parsed) >= MANY:
            parsed.clear()
        frame = parsed[text] = json.loads(text)
    return frame


class Line(asyncio.Protocol):
    """One connection. `take` gets each frame and when it came, `end` the close code (1006 without one)."""

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        cookie: str,
        take: Callable[[dict[str, Any], float], None],
        end: Callable[[int], None],
    ) -> None:
        self._host, self._port, self._cookie = host, port, cookie
        self._taken, self._ended = take, end
        self._socket = ClientProtocol(parse_uri(f"ws://{host}:{port}{path}"), max_size=None)
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._aborted = False
        self.closed: int | None = None
        self.heard_at = time.monotonic()

    async def open(self) -> None:
        """Connect and shake hands. OSError, ConnectionError for a refused handshake."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)
            await self._opened
        except BaseException:
            self.abort()
            raise

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame; on a closed connection it is lost."""
        if self._socket.state is State.OPEN:
            self._socket.send_text(json.dumps(frame).encode())
            self._flush()

    def abort(self) -> None:
        """Cut it as a lost network would; neither `take` nor `end` is called any more."""
        self._aborted = True
        self._opened.cancel()
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Read nothing any more."""
        assert self._transport is not None
        self._transport.pause_reading()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        request = self._socket.connect()
        request.headers["Cookie"] = self._cookie
        self._socket.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.heard_at = time.monotonic()
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
        if self._socket.state is not State.CONNECTING:
            self._socket.receive_eof()
        self.closed = self._socket.close_code or 1006
        if not self._opened.done():
            self._fail(ConnectionError(f"ended ({self.closed})"))
        elif not self._aborted and not self._opened.exception():
            self._ended(self.closed)

    def _begin(self) -> None:
        """The handshake may be done, or have failed."""
        if self._socket.handshake_exc is not None:
            self._fail(ConnectionError(str(self._socket.handshake_exc)))
        elif self._socket.state is State.OPEN and not self._opened.done():
            self._opened.set_result(None)

    def _take(self, text: bytes, now: float) -> None:
        if not self._aborted:
            self._taken(parse(text), now)

    def _feed(self, data: bytes, now: float) -> None:
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data), now)
        self._flush()

    def _fail(self, error: ConnectionError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # nobody may be waiting any more

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
