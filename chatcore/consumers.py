"""One socket's life: who it is, which room, then frame -> service -> reply. See docs/protocol.md."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self
from urllib.parse import parse_qs

from chatcore import conf, events, history
from chatcore.events import Author, ErrorFrame, History, Open, Sent, Typing, You
from chatcore.exceptions import ChatError, RateLimited, Unavailable
from chatcore.frames import (
    Ack,
    AskHistory,
    BadFrame,
    DeleteMessage,
    EditMessage,
    FullFrame,
    Hello,
    Send,
    TypingNotice,
    parse_full,
    parse_plain,
)
from chatcore.history import Access
from chatcore.hub import Hub, RoomHub
from chatcore.outlets import Encoded, Outlet, outlet_for
from chatcore.permissions import actor_for, check_post
from chatcore.rates import Buckets, Rate, parsed_rate
from chatcore.services import Post, Posted, delete_message, edit_message
from chatcore.writer import Writer

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]

_HELLO_WITHIN = 10.0
_NO_HELLO = 4400
_FLOOD = 4029
#: Frames of any type that one socket may send, unless CHAT_RATE is off: beyond it is a flood.
_FRAMES = Rate(steady=200.0, burst=1000.0)
#: Posts of one socket that may wait for the disk.
_IN_FLIGHT = 1000
_TYPING_EVERY = 1.0


class Flood(Exception):
    """The socket sends more than anybody may."""


class ChatConsumer:
    """The ASGI application of one socket. `hub`, `writer` and `rates` are the process's own, handed in."""

    def __init__(self, hub: Hub, writer: Writer, rates: Buckets) -> None:
        self._hub = hub
        self._writer = writer
        self._rates = rates
        self._frames = Buckets()
        self._in_flight = 0
        self._typed_at = 0.0

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Callable[[dict[str, Any], Receive, SendEvent], Awaitable[None]]:
        """An ASGI application with a fresh consumer for each socket, as Channels' consumers have it."""

        async def application(scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
            await cls(**initkwargs)(scope, receive, send)

        return application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> Self:
        """Live as long as the socket does."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        self._outlet = outlet_for(scope, send)
        self._room_name: str = scope["url_route"]["kwargs"]["room"]
        self._actor = actor_for(scope["user"])
        try:
            self._access: Access = await self._hub.lookout.read(history.access, self._room_name, self._actor)
        except ChatError as error:
            self._refuse(error)
            await self._outlet.close(error.close_code)
            return self
        self._room_name = self._access.room.name
        room = self._hub.room(self._access.room)
        room.visit(self._outlet)
        try:
            await self._serve(
                room,
                receive,
                full="1" in parse_qs(scope.get("query_string", b"").decode("latin1")).get("v", []),
            )
        except Flood:
            self._error("rate", "far too many frames: this socket is closed")
            await self._outlet.close(_FLOOD)
        finally:
            room.leave(self._outlet)
        return self

    async def _serve(self, room: RoomHub, receive: Receive, full: bool) -> None:
        if not full:
            room.enter_plain(self._outlet)
            while (text := await self._text(receive)) is not None:
                await self._guarded(self._plain_frame, room, text)
            return
        admission = await self._admission(room, receive)
        if admission is None:
            return
        try:
            while (text := await self._text(receive)) is not None:
                await self._guarded(self._full_frame, room, text)
        finally:
            admission.cancel()

    async def _text(self, receive: Receive) -> str | None:
        """The next frame's text, None when the socket is gone."""
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        if conf.settings.RATE != "off" and self._frames.wait("", _FRAMES):
            raise Flood
        text: str | None = message.get("text")
        return "" if text is None else text  # binary: the parser says that it is no JSON

    async def _admission(self, room: RoomHub, receive: Receive) -> "asyncio.Task[None] | None":
        """Wait for `hello`, then let the client in while its frames are already read; None if it never came."""
        try:
            async with asyncio.timeout(_HELLO_WITHIN):
                while (text := await self._text(receive)) is not None:
                    try:
                        frame = parse_full(text)
                    except BadFrame as bad:
                        self._error(bad.code, bad.detail, bad.client_id)
                        continue
                    if isinstance(frame, Hello):
                        return asyncio.create_task(self._admit(room, frame))
                    self._error("bad_type", "send hello first")
                return None
        except TimeoutError:
            self._error("bad_type", f"no hello within {_HELLO_WITHIN:.0f} s")
            await self._outlet.close(_NO_HELLO)
            return None

    async def _admit(self, room: RoomHub, hello: Hello) -> None:
        try:
            await room.admit(self._outlet, hello, self._opening)
        except ChatError as error:
            self._refuse(error)
            await self._outlet.close(error.close_code)
        except Exception:
            logger.exception("a client could not enter room %s", room.id)
            await self._outlet.close(_NO_HELLO)

    def _opening(self, head: int, epoch: str) -> Open:
        view, actor = self._access.room, self._actor
        return Open(
            room=view.name, head=head, floor=view.floor, epoch=epoch, last_seq=view.last_seq,
            you=You(actor.type, actor.id, actor.name, actor.username), can_post=self._can_post(),
            title=view.title, topic=view.topic, members=view.member_count,
        )  # fmt: skip

    def _can_post(self) -> bool:
        try:
            check_post(self._actor, self._access.room, self._access.standing)
        except ChatError:
            return False
        return True

    async def _guarded(self, handle: Callable[[RoomHub, str], Awaitable[None]], room: RoomHub, text: str) -> None:
        """A client's mistake is an `error` frame; the socket stays open."""
        try:
            await handle(room, text)
        except BadFrame as bad:
            self._error(bad.code, bad.detail, bad.client_id)

    async def _plain_frame(self, room: RoomHub, text: str) -> None:
        self._post(parse_plain(text), answer=False)

    async def _full_frame(self, room: RoomHub, text: str) -> None:
        frame = parse_full(text)
        if isinstance(frame, Send):
            self._post(frame, answer=True)
            return
        try:
            await self._answer(room, frame)
        except ChatError as error:
            self._refuse(error, getattr(frame, "client_id", None))

    async def _answer(self, room: RoomHub, frame: FullFrame) -> None:
        match frame:
            case EditMessage():
                self._spend()
                await self._writer.run(edit_message, self._room_name, frame.seq, frame.message, self._actor)
            case DeleteMessage():
                self._spend()
                await self._writer.run(delete_message, self._room_name, frame.seq, self._actor)
            case AskHistory():
                await self._history(room, frame)
            case Ack():
                if self._actor.type == "user":
                    self._writer.mark_read(room.id, self._actor.id, min(frame.seq, room.last))
            case TypingNotice():
                self._typing(room)
            case _:
                self._error("bad_type", "hello was said already")

    def _post(self, frame: Send, answer: bool) -> None:
        """Queue a post; the answer follows when it is on disk."""
        if self._in_flight >= _IN_FLIGHT:
            self._refuse(RateLimited(1.0), frame.client_id)
            return
        try:
            self._spend()
        except RateLimited as error:
            self._refuse(error, frame.client_id)
            return
        self._in_flight += 1
        post = Post(
            self._room_name,
            frame.message,
            self._actor,
            source="web",
            key=frame.client_id,
            reply_to=frame.reply_to,
        )
        self._writer.post(post, partial(self._posted, frame.client_id, answer))

    def _posted(self, client_id: str | None, answer: bool, result: Posted | ChatError) -> None:
        self._in_flight -= 1
        if isinstance(result, ChatError):
            self._refuse(result, client_id)
        elif answer:
            message = result.message
            self._reply(
                Sent(
                    room=message.room,
                    client_id=client_id,
                    seq=message.seq,
                    rev=message.rev,
                    duplicate=result.duplicate,
                )
            )

    def _spend(self) -> None:
        """One message of this person's rate, on all sockets of this process together."""
        rate = parsed_rate(conf.settings.RATE)
        if rate is not None and (wait := self._rates.wait(self._actor.id, rate)):
            raise RateLimited(wait)

    async def _history(self, room: RoomHub, frame: AskHistory) -> None:
        """A page of messages by number; the next frame is read when the socket has taken it."""
        if frame.after is not None:
            found = await self._hub.lookout.read(history.messages_after, room.id, frame.after, frame.limit + 1)
            page = found[: frame.limit]
        else:
            before = frame.before or 2**63 - 1
            found = await self._hub.lookout.read(history.messages_before, room.id, before, frame.limit + 1)
            page = found[-frame.limit :]
        reply = History(room=room.name, messages=page, more=len(found) > frame.limit)
        self._outlet.backlog(Encoded.of([events.encode(reply)]))
        await self._outlet.drained()

    def _typing(self, room: RoomHub) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._typed_at < _TYPING_EVERY or not self._can_post():
            return
        self._typed_at = now
        actor = self._actor
        author = Author(actor.type, actor.id, actor.name)
        self._hub.whisper(room, events.encode(Typing(room=room.name, username=actor.username, author=author)))

    def _refuse(self, error: ChatError, client_id: str | None = None) -> None:
        if isinstance(error, Unavailable):
            logger.info("room %s: %s", self._room_name, error)
        self._error(error.code, error.detail, client_id)

    def _error(self, code: str, detail: str, client_id: str | None = None) -> None:
        self._reply(ErrorFrame(room=self._room_name, code=code, detail=detail, client_id=client_id, message=detail))

    def _reply(self, event: events.Sendable) -> None:
        self._outlet.live(Encoded.of([events.encode(event)]))


class UnknownPath:
    """The answer to a socket at an address where there is no room."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        """Say so and close."""
        await receive()
        await send({"type": "websocket.accept"})
        outlet: Outlet = outlet_for(scope, send)
        detail = "no such address: rooms are at /ws/chat/ROOM/"
        frame = ErrorFrame(room="", code="not_found", detail=detail, client_id=None, message=detail)
        outlet.live(Encoded.of([events.encode(frame)]))
        await outlet.close(4404)
