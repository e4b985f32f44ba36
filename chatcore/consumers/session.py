"""What somebody does who is in a room: frame -> service -> reply."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from chatcore import conf, events, history, metrics
from chatcore.actors import Actor
from chatcore.events import Author, History, Pong, Sent, Typing, refusal
from chatcore.exceptions import ChatError, RateLimited, RoomNotFound, Unavailable
from chatcore.frames import Ack, AskHistory, DeleteMessage, EditMessage, FullFrame, Hello, Ping, Send, TypingNotice
from chatcore.history import Access
from chatcore.hub import Hub, RoomHub, Visitor
from chatcore.limits import Allowance
from chatcore.outlets import Encoded, SocketOutlet
from chatcore.services import Post, Posted, delete_message, edit_message
from chatcore.writer import Writer

logger = logging.getLogger(__name__)

#: Posts of one socket that may wait for the disk.
_IN_FLIGHT = 1000
#: Where what somebody posts comes from: programs are on no page.
_SOURCES = {"token": "http", "system": "cli"}


class Session(Visitor):
    """One person in one room over one socket. A refusal is an `error` frame; nothing here closes the socket."""

    def __init__(
        self,
        hub: Hub,
        writer: Writer,
        allowance: Allowance,
        room: RoomHub,
        access: Access,
        read_seq: int,
        actor: Actor,
        outlet: SocketOutlet,
    ) -> None:
        super().__init__(access, actor, read_seq, partial(reply, outlet))
        self.room, self.outlet = room, outlet
        self._hub, self._writer, self._allowance = hub, writer, allowance
        self._in_flight = 0
        self._renewing: set[asyncio.Task[None]] = set()

    def obey_at_once(self, frame: FullFrame) -> bool:
        """Do what the frame of a full client asks for; False if that takes waiting: then nothing was done."""
        match frame:
            case Send():
                self.post(frame, answer=True)
            case Ack():
                if self.actor.type == "user":
                    self._writer.mark_read(self.room.id, self.actor.id, frame.seq)
            case TypingNotice():
                self._typing()
            case Ping():
                reply(self.outlet, Pong(room=self.access.room.name))
            case Hello():
                reply(self.outlet, refusal(self.access.room.name, "bad_type", "hello was said already"))
            case _:
                return False
        return True

    async def obey(self, frame: FullFrame) -> None:
        """Do what the frame of a full client asks for."""
        if self.obey_at_once(frame):
            return
        try:
            await self._obey(frame)
        except ChatError as error:
            self.refuse(error, getattr(frame, "client_id", None))

    def post(self, frame: Send, *, answer: bool) -> None:
        """Queue a post; the answer, if one is wanted, follows when it is on disk."""
        try:
            if self._in_flight >= _IN_FLIGHT:
                raise RateLimited(1.0)
            self._allowance.spend_message()
        except RateLimited as error:
            self.refuse(error, frame.client_id)
            return
        self._in_flight += 1
        self._post(frame, answer)

    def _post(self, frame: Send, answer: bool) -> None:
        post = Post(
            self.access.room.name, frame.message, self.actor,
            source=_SOURCES.get(self.actor.type, "web"), key=frame.client_id, reply_to=frame.reply_to,
        )  # fmt: skip
        self._writer.post(post, partial(self._posted, frame, post.room, answer))

    def refuse(self, error: ChatError, client_id: str | None = None) -> None:
        """Say why not."""
        if isinstance(error, Unavailable):
            logger.info("room %s: %s", self.room.id, error)
        reply(self.outlet, refused(self.access.room.name, error, client_id))

    async def _obey(self, frame: FullFrame) -> None:
        match frame:
            case EditMessage():
                await self._change(edit_message, frame.seq, frame.message)
            case DeleteMessage():
                await self._change(delete_message, frame.seq)
            case AskHistory():
                await self._history(frame)

    async def _change(self, service: Callable[..., object], *what: int | str) -> None:
        self._allowance.spend_message()
        name = self.access.room.name
        try:
            await self._writer.run(service, name, *what, self.actor)
        except RoomNotFound:
            if (new := await self._room_name()) == name:
                raise
            await self._writer.run(service, new, *what, self.actor)

    def _posted(self, frame: Send, room: str, answer: bool, result: Posted | ChatError) -> None:
        if isinstance(result, RoomNotFound):
            task = asyncio.get_running_loop().create_task(self._post_again(frame, room, answer, result))
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)
            return
        self._in_flight -= 1
        if isinstance(result, ChatError):
            self.refuse(result, frame.client_id)
        elif answer:
            stored, repeated = result.message, result.duplicate
            sent = Sent(room=stored.room, client_id=frame.client_id, seq=stored.seq, rev=stored.rev, duplicate=repeated)
            reply(self.outlet, sent)

    async def _post_again(self, frame: Send, room: str, answer: bool, error: ChatError) -> None:
        """The room may have another name by now."""
        try:
            if await self._room_name() != room:
                self._post(frame, answer)
                return
        except ChatError as found:
            error = found
        self._in_flight -= 1
        self.refuse(error, frame.client_id)

    async def _room_name(self) -> str:
        """What the room is called now. RoomNotFound, Forbidden."""
        found = await self._hub.lookout.read(history.entrance, self.access.room.name, self.actor, self.room.id)
        if found.access.room.id != self.room.id:
            raise RoomNotFound(self.access.room.name)  # another one has that name
        self.renew(found.access, self.actor)
        return found.access.room.name

    async def _history(self, frame: AskHistory) -> None:
        """A page of messages by number; the next frame is read when the socket has taken it."""
        self._allowance.spend_history()
        metrics.history_reads.add()
        read, room = self._hub.lookout.read, self.room
        limit = min(frame.limit, conf.settings.HISTORY_PAGE)
        if frame.after is not None:
            found = await read(history.messages_after, room.id, frame.after, limit + 1)
            page = found[:limit]
        else:
            found = await read(history.messages_before, room.id, frame.before or 2**63 - 1, limit + 1)
            page = found[-limit:]
        answer = History(room=room.name, messages=page, more=len(found) > limit)
        self.outlet.backlog(Encoded.of([events.encode(answer)]))
        await self.outlet.drained()

    def _typing(self) -> None:
        if not self.can_post() or not self._allowance.may_type():
            return
        actor = self.actor
        author = Author(actor.type, actor.id, actor.name)
        typing = Typing(room=self.room.name, username=actor.username, author=author)
        self._hub.whisper(self.room, events.encode(typing))


def refused(room: str, error: ChatError, client_id: str | None = None) -> events.ErrorFrame:
    """What a socket is told of the error."""
    wait = error.wait if isinstance(error, RateLimited) else None
    return refusal(room, error.code, error.detail, client_id, wait)


def reply(outlet: SocketOutlet, event: events.Sendable) -> None:
    """Write one event to one socket."""
    if type(event) is events.ErrorFrame:
        metrics.refused(event.code)
    outlet.reply(events.encode(event))
