"""One WebSocket to one room, read as fast as it speaks. What comes is kept until it is wanted, unless it is much."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from chatcli.remote.connection import Server
from chatcli.remote.errors import NoRoomline, Unreachable
from chatcli.remote.logs import numbered
from chatcli.tail.source import PAGE, Run
from chatcore.exceptions import ChatError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

#: Seconds for the handshake and the server's first word; without a frame, until it is asked whether it is there; for
#: its answer; and for an end in order.
_OPENING, _SILENCE, _PATIENCE, _PARTING = 10.0, 15.0, 10.0, 1.0
#: Bytes of one frame, of a server that may be anybody's.
_LARGEST = 4 * 1024 * 1024
#: What may wait for a reader that is slower; beyond it the oldest is forgotten, and read from the log.
_MOST_FRAMES, _MOST_BYTES = 1000, 1_048_576
#: Missed events that come over the socket itself.
_MISSED = 500
_PING = b'{"type":"ping"}'
#: Reads too slowly: the log has the rest, and nothing is wrong.
LAGGING = 4008
#: The `code` of an `error` for who has too many sockets.
TOO_MANY = "too_many_sockets"
_EVENTS = ("message", "edit", "delete")


class _Kind(msgspec.Struct):
    """Of any frame."""

    type: str
    room: str = ""
    #: Of `open`.
    epoch: str = ""
    #: Of `error`.
    code: str = ""
    detail: str = ""


_kind = msgspec.json.Decoder(_Kind)
#: The library's talk is not ours.
_silent = logging.Logger("silent", logging.CRITICAL + 1)


class Ears(NamedTuple):
    """Who hears of what is no event: that the server has let us in, the room's name by now, and what people whisper, if
    anybody wants that."""

    opened: Callable[[], None]
    named: Callable[[str], None]
    whispered: Callable[[bytes], None] | None


class Line:
    """The room's socket from its hello on. Made by `connected`."""

    def __init__(self, socket: "ClientConnection", epoch: str, ears: Ears) -> None:
        self._socket, self._epoch, self._ears = socket, epoch, ears
        self._frames: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._told = asyncio.Event()
        #: Why it ended, once it has. `code` is that of an error frame, or of the end.
        self.reason = ""
        self.code: str | int | None = None
        self._reading = asyncio.create_task(self._read())

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._reading.done()

    async def next(self, last: int) -> Run | None:
        """The events after rev `last`, as soon as there are some; None when the log must be read."""
        while True:
            while self._frames and self._frames[0][0] <= last:
                self._take()
            if self._frames and self._frames[0][0] > last + 1:
                return None
            payloads: list[bytes] = []
            while self._frames and self._frames[0][0] == last + len(payloads) + 1 and len(payloads) < PAGE:
                payloads.append(self._take())
            if payloads:
                return Run(last, payloads)
            if self.over:
                return None
            self._told.clear()
            await self._told.wait()

    async def close(self) -> None:
        """Hang up."""
        self._reading.cancel()
        await asyncio.wait({self._reading})
        await self._socket.close()

    def _take(self) -> bytes:
        payload = self._frames.popleft()[1]
        self._bytes -= len(payload)
        return payload

    async def _read(self) -> None:
        """Take what comes, to the end of the line."""
        from websockets.exceptions import ConnectionClosed

        try:
            while await self._obey(await self._frame()):
                pass
        except ConnectionClosed as closed:
            told = closed.rcvd
            self.code = self.code or (told.code if told is not None else None)
            self.reason = self.reason or (told.reason if told is not None else "") or "the connection was lost"
        except (ChatError, OSError) as error:
            self.reason = str(error)
            self._socket.transport.abort()
        finally:
            self._told.set()

    async def _frame(self) -> bytes:
        """The next frame. Unreachable when the server says nothing, not even when it is asked."""
        for patience in (_SILENCE, _PATIENCE):
            try:
                async with asyncio.timeout(patience):
                    return await self._socket.recv(decode=False)
            except TimeoutError:
                await self._socket.send(_PING, text=True)
        raise Unreachable("the server says nothing any more")

    async def _obey(self, frame: bytes) -> bool:
        """See to the frame; False where the socket is of no use any more."""
        try:
            found = _kind.decode(frame)
        except (ValueError, RecursionError):
            raise NoRoomline("what answers there is no server of a chat") from None
        if found.type in _EVENTS:
            self._keep(*numbered(frame))
            self._ears.named(found.room)
        elif found.type == "gap" or (found.type == "open" and found.epoch != self._epoch):
            self.code = LAGGING  # the log tells what has become of it
            return False
        elif found.type == "open":
            self._ears.named(found.room)
            self._ears.opened()
        elif found.type == "room":
            self._ears.named(found.room)
        elif found.type == "error":
            self.code, self.reason = found.code, found.detail
        elif found.type == "typing" and self._ears.whispered is not None:
            self._ears.whispered(frame)
        return True

    def _keep(self, rev: int, payload: bytes) -> None:
        self._frames.append((rev, payload))
        self._bytes += len(payload)
        while len(self._frames) > _MOST_FRAMES or (self._bytes > _MOST_BYTES and len(self._frames) > 1):
            self._take()
        self._told.set()


async def connected(server: Server, room: str, last: int, event_id: str | None, epoch: str, ears: Ears) -> Line:
    """A line to the room of this name, for who has its events up to rev `last`, which is the event of that id, if that
    is known, in that epoch. Unreachable."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

    hello: dict[str, Any] = {"type": "hello", "after": last, "epoch": epoch, "limit": _MISSED}
    if event_id is not None:
        hello["id"] = event_id
    try:
        socket = await _opened(server, room)
        with suppress(ConnectionClosed):  # turned away already: what the server has said is there to be read
            await socket.send(msgspec.json.encode(hello), text=True)
    except InvalidHandshake as error:
        raise Unreachable(f"no WebSocket: {error}") from error
    except (OSError, TimeoutError, ValueError, WebSocketException) as error:
        raise Unreachable(str(error) or type(error).__name__) from error
    return Line(socket, epoch, ears)


async def _opened(server: Server, room: str) -> "ClientConnection":
    """A socket after its handshake. Redirects are not followed: they might lead the token elsewhere."""
    from websockets.asyncio.client import connect

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    way: dict[str, Any] = {} if server.socket is None else {"unix": True, "path": server.socket}
    return await Connect(
        server.websocket(room), additional_headers=server.headers(), compression=None, proxy=None, max_size=_LARGEST,
        open_timeout=_OPENING, close_timeout=_PARTING, ping_interval=None, logger=_silent, **way,
    )  # fmt: skip
