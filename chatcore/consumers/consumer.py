"""One socket's life: who it is, which room, what it may be told, when it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from chatcore import conf, history
from chatcore.consumers.session import Session, reply
from chatcore.events import Present, refusal
from chatcore.exceptions import ChatError
from chatcore.frames import BadFrame, Hello, parse_full, parse_plain
from chatcore.hub import Hub
from chatcore.outlets import Outlet, outlet_for
from chatcore.permissions import Actor, actor_for
from chatcore.rates import Buckets, Rate
from chatcore.writer import Writer

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ACCEPT = {"type": "websocket.accept"}
_HELLO_WITHIN = 10.0
_NO_HELLO = 4400
_FLOOD = 4029
#: Frames of any type that one socket may send, unless CHAT_RATE is off: beyond it is a flood.
_FRAMES = Rate(steady=200.0, burst=1000.0)


class Flood(Exception):
    """The socket sends more than anybody may."""


class ChatConsumer:
    """The ASGI application of one socket. `hub`, `writer` and `rates` are the process's own, handed in."""

    def __init__(self, hub: Hub, writer: Writer, rates: Buckets) -> None:
        self._hub, self._writer, self._rates = hub, writer, rates
        self._frames = Buckets()

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """An ASGI application with a fresh consumer for each socket, as Channels' consumers have it."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls(**initkwargs)(scope, receive, send)

        return application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Live as long as the socket does. It is accepted once it is in the room, so that nothing is missed since."""
        await receive()  # websocket.connect
        outlet = outlet_for(scope, send)
        name, actor = scope["url_route"]["kwargs"]["room"], actor_for(scope["user"])
        try:
            access, read_seq = await self._hub.lookout.read(_entrance, name, actor)
        except ChatError as error:
            await send(_ACCEPT)
            await _turn_away(outlet, name, error)
            return
        room = self._hub.room(access.room)
        room.visit(outlet, actor)
        self._enter(room.id, actor)
        session = Session(self._hub, self._writer, self._rates, room, access, read_seq, actor, outlet)
        try:
            await send(_ACCEPT)
            if "1" in parse_qs(scope.get("query_string", b"").decode("latin1")).get("v", []):
                await self._serve_full(session, receive)
            else:
                await self._serve_plain(session, receive)
        except Flood:
            reply(outlet, refusal(room.name, "rate", "far too many frames: this socket is closed"))
            await outlet.close(_FLOOD)
        finally:
            room.leave(outlet)
            self._leave(room.id, actor)

    def _enter(self, room_id: int, actor: Actor) -> None:
        if actor.type == "user":
            self._hub.presence.enter(room_id, Present(actor.id, actor.name, actor.username))

    def _leave(self, room_id: int, actor: Actor) -> None:
        if actor.type == "user":
            self._hub.presence.leave(room_id, actor.id, time.monotonic())

    async def _serve_plain(self, session: Session, receive: Receive) -> None:
        session.room.enter_plain(session.outlet)
        while (text := await self._text(receive)) is not None:
            try:
                session.post(parse_plain(text), answer=False)
            except BadFrame as bad:
                _complain(session, bad)

    async def _serve_full(self, session: Session, receive: Receive) -> None:
        """Wait for `hello`, then let the client in while its further frames are already obeyed."""
        try:
            async with asyncio.timeout(_HELLO_WITHIN):
                hello = await self._hello(session, receive)
        except TimeoutError:
            detail = f"no hello within {_HELLO_WITHIN:.0f} s"
            reply(session.outlet, refusal(session.room.name, "bad_type", detail))
            await session.outlet.close(_NO_HELLO)
            return
        if hello is None:
            return
        admission = asyncio.create_task(_admit(session, hello))
        try:
            while (text := await self._text(receive)) is not None:
                try:
                    await session.obey(parse_full(text))
                except BadFrame as bad:
                    _complain(session, bad)
        finally:
            admission.cancel()

    async def _hello(self, session: Session, receive: Receive) -> Hello | None:
        """The client's `hello`, None if it left before."""
        while (text := await self._text(receive)) is not None:
            try:
                frame = parse_full(text)
            except BadFrame as bad:
                _complain(session, bad)
                continue
            if isinstance(frame, Hello):
                return frame
            reply(session.outlet, refusal(session.room.name, "bad_type", "send hello first"))
        return None

    async def _text(self, receive: Receive) -> str | None:
        """The next frame's text, None when the socket is gone."""
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        if conf.settings.RATE != "off" and self._frames.wait("", _FRAMES):
            raise Flood
        text: str | None = message.get("text")
        return "" if text is None else text  # binary: the parser says that it is no JSON


def _entrance(name: str, actor: Actor) -> tuple[history.Access, int]:
    """The room, and how far the person has read it."""
    access = history.access(name, actor)
    return access, history.read_seq(access.room.id, actor)


async def _admit(session: Session, hello: Hello) -> None:
    try:
        await session.room.admit(session.outlet, hello, session.opening)
    except ChatError as error:
        await _turn_away(session.outlet, session.room.name, error)
    except Exception:
        logger.exception("a client could not enter room %s", session.room.id)
        await session.outlet.close(_NO_HELLO)


async def _turn_away(outlet: Outlet, room: str, error: ChatError) -> None:
    reply(outlet, refusal(room, error.code, error.detail))
    await outlet.close(error.close_code)


def _complain(session: Session, bad: BadFrame) -> None:
    """A client's mistake is an `error` frame; the socket stays open."""
    reply(session.outlet, refusal(session.room.name, bad.code, bad.detail, bad.client_id))


class UnknownPath:
    """The answer to a socket at an address where there is no room."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say so and close."""
        await receive()
        await send(_ACCEPT)
        outlet = outlet_for(scope, send)
        reply(outlet, refusal("", "not_found", "no such address: rooms are at /ws/chat/ROOM/"))
        await outlet.close(4404)
