"""One socket's life: who it is, which room, what it may be told, when it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from chatcore import history, metrics
from chatcore.actors import Actor, actor_for
from chatcore.consumers.session import Session, refused, reply
from chatcore.events import Present, refusal
from chatcore.exceptions import ChatError, TooManySockets
from chatcore.frames import BadFrame, Hello, parse_full, parse_plain
from chatcore.hub import Hub
from chatcore.limits import Allowance, Limits, inflow
from chatcore.mount import sockets_address
from chatcore.outlets import SocketOutlet, outlet_for
from chatcore.writer import Writer

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ACCEPT = {"type": "websocket.accept"}
_HELLO_WITHIN = 10.0
_NO_HELLO = 4400
_FLOOD = 4029
#: Seconds for which a flooder should stay away, at least.
_SHORTEST_BAN = 1.0


class Flood(Exception):
    """The socket sends more than any may; it would not have done so `wait` seconds later."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = max(wait, _SHORTEST_BAN)


class ChatConsumer:
    """The ASGI application of one socket. `hub`, `writer` and `limits` are the process's own, handed in."""

    def __init__(self, hub: Hub, writer: Writer, limits: Limits) -> None:
        self._hub, self._writer, self._limits = hub, writer, limits
        self._inflow = inflow()
        #: A frame is being obeyed, which those that come meanwhile must not overtake.
        self._busy = False
        #: The next frame was counted already.
        self._counted = False

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """An ASGI application with a fresh consumer for each socket, as Channels' consumers have it."""

        def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            return cls(**initkwargs)(scope, receive, send)

        return application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Live as long as the socket does. It is accepted once it is in the room, so that nothing is missed since."""
        await receive()  # websocket.connect
        outlet = outlet_for(scope, send)
        name, actor = scope["url_route"]["kwargs"]["room"], scope.get("actor") or actor_for(scope["user"])
        try:
            allowance = self._limits.enter(actor, (scope.get("client") or (None,))[0])
        except TooManySockets as error:
            await send(_ACCEPT)
            await _turn_away(outlet, name, error)
            return
        try:
            await self._visit(scope, receive, send, outlet, actor, allowance)
        finally:
            allowance.leave()

    async def _visit(
        self, scope: Scope, receive: Receive, send: Send, outlet: SocketOutlet, actor: Actor, allowance: Allowance
    ) -> None:
        name = scope["url_route"]["kwargs"]["room"]
        query = parse_qs(scope.get("query_string", b"").decode("latin1"))
        try:
            access, read_seq = await self._hub.lookout.read(history.entrance, name, actor, _number(query))
        except ChatError as error:
            await send(_ACCEPT)
            await _turn_away(outlet, name, error)
            return
        room = self._hub.room(access.room)
        session = Session(self._hub, self._writer, allowance, room, access, read_seq, actor, outlet)
        room.visit(outlet, actor, session.renew, scope.get("ticket"))
        self._enter(room.id, actor)
        try:
            await send(_ACCEPT)
            if "1" in query.get("v", []):
                await self._serve_full(session, receive)
            else:
                await self._serve_plain(session, receive)
        except Flood as flood:
            metrics.floods.add()
            logger.warning("a socket of %s in room %s was closed: it sent too much", actor.label, room.id)
            reply(outlet, refusal(room.name, "rate", "far too much was sent: this socket is closed", wait=flood.wait))
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
        def obey(text: str) -> bool:
            try:
                session.post(parse_plain(text), answer=False)
            except BadFrame as bad:
                _complain(session, bad)
            return True

        session.room.enter_plain(session.outlet)
        session.outlet.listen(partial(self._take, obey))
        while (text := await self._text(session, receive)) is not None:
            obey(text)

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

        def obey_at_once(text: str) -> bool:
            try:
                return session.obey_at_once(parse_full(text))
            except BadFrame as bad:
                _complain(session, bad)
                return True

        admission = asyncio.create_task(_admit(session, hello))
        session.outlet.listen(partial(self._take, obey_at_once))
        try:
            while (text := await self._text(session, receive)) is not None:
                self._busy = True
                try:
                    await session.obey(parse_full(text))
                except BadFrame as bad:
                    _complain(session, bad)
                self._busy = False
        finally:
            admission.cancel()

    def _take(self, obey: Callable[[str], bool], text: str) -> bool:
        """Obey a text as it comes in, without a task and a queue; False if it has to wait, or is one too many."""
        if self._busy or self._count(text):
            return False
        self._counted = not obey(text)
        return not self._counted

    async def _hello(self, session: Session, receive: Receive) -> Hello | None:
        """The client's `hello`, None if it left before."""
        while (text := await self._text(session, receive)) is not None:
            try:
                frame = parse_full(text)
            except BadFrame as bad:
                _complain(session, bad)
                continue
            if isinstance(frame, Hello):
                return frame
            reply(session.outlet, refusal(session.room.name, "bad_type", "send hello first"))
        return None

    async def _text(self, session: Session, receive: Receive) -> str | None:
        """The next frame's text, None when the socket is gone. Who was shown out is not listened to any more, though
        he may leave his line open for a while."""
        while (message := await receive())["type"] != "websocket.disconnect":
            if session.room.holds(session.outlet):
                return self._counted_text(message)
        return None

    def _counted_text(self, message: dict[str, Any]) -> str:
        text: str = message.get("text") or ""  # binary: the parser says that it is no JSON
        if self._counted:
            self._counted = False
        elif wait := self._count(text or message.get("bytes") or ""):
            raise Flood(wait)
        return text

    def _count(self, data: str | bytes) -> float:
        """Count a frame; if it is one too many, the seconds after which it would not be."""
        metrics.frames_in.add()
        size = len(data) if data.isascii() or isinstance(data, bytes) else len(data.encode())
        return self._inflow.wait(size)


def _number(query: dict[str, list[str]]) -> int | None:
    """The room's own number, by which a page finds it again that knows only its old name."""
    number = query.get("number", [""])[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None


async def _admit(session: Session, hello: Hello) -> None:
    try:
        await session.room.admit(session.outlet, hello, session.opening)
    except ChatError as error:
        await _turn_away(session.outlet, session.room.name, error)
    except Exception:
        logger.exception("a client could not enter room %s", session.room.id)
        await session.outlet.close(_NO_HELLO)


async def _turn_away(outlet: SocketOutlet, room: str, error: ChatError) -> None:
    reply(outlet, refused(room, error))
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
        reply(outlet, refusal("", "not_found", f"no such address: rooms are at {sockets_address()}ROOM/"))
        await outlet.close(4404)
