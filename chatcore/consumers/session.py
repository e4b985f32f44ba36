"""What somebody does who is in a room: frame -> service -> reply."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from chatcore import conf, events, history
from chatcore.events import Author, History, Open, Pong, RoomState, Sent, Typing, You, refusal
from chatcore.exceptions import ChatError, RateLimited, RoomNotFound, Unavailable
from chatcore.frames import Ack, AskHistory, DeleteMessage, EditMessage, FullFrame, Hello, Ping, Send, TypingNotice
from chatcore.history import Access
from chatcore.hub import Hub, RoomHub
from chatcore.outlets import Encoded, Outlet
from chatcore.permissions import Actor, check_delete, check_post
from chatcore.rates import Buckets, parsed_rate
from chatcore.services import Post, Posted, delete_message, edit_message
from chatcore.writer import Writer

logger = logging.getLogger(__name__)

#: Posts of one socket that may wait for the disk.
_IN_FLIGHT = 1000
_TYPING_EVERY = 1.0
#: The author of a message that is nobody's here, type and id.
_SOMEBODY = ("", "")


class Session:
    """One person in one room over one socket. A refusal is an `error` frame; nothing here closes the socket."""

    def __init__(
        self,
        hub: Hub,
        writer: Writer,
        rates: Buckets,
        room: RoomHub,
        access: Access,
        read_seq: int,
        actor: Actor,
        outlet: Outlet,
    ) -> None:
        self.room, self.access, self.actor, self.outlet = room, access, actor, outlet
        self._read_seq = read_seq
        self._hub, self._writer, self._rates = hub, writer, rates
        self._in_flight = 0
        self._typed_at = 0.0
        self._told: RoomState | None = None
        self._renewing: set[asyncio.Task[None]] = set()

    def opening(self, head: int, epoch: str) -> Open:
        """The first event of a full client, for the rev and the epoch at which the room stands."""
        view, actor, state = self.access.room, self.actor, self._state()
        self._told = state
        return Open(
            room=view.name, head=head, floor=view.floor, epoch=epoch, last_seq=view.last_seq,
            you=You(actor.type, actor.id, actor.name, actor.username), can_post=state.can_post,
            title=view.title, topic=view.topic, members=view.member_count, seq_floor=view.seq_floor,
            announce_only=view.announce_only, archived=view.archived,
            read_seq=self._read_seq, may_moderate=state.may_moderate,
        )  # fmt: skip

    def renew(self, access: Access) -> None:
        """The room, or what this person is in it, may be another one by now; a client that was let in is told."""
        before = self.access.room
        room = replace(access.room, last_seq=before.last_seq, member_count=before.member_count)
        self.access = Access(room, access.standing)
        if self._told is not None and (state := self._state()) != self._told:
            self._told = state
            reply(self.outlet, state)

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
            self._spend()
        except RateLimited as error:
            self.refuse(error, frame.client_id)
            return
        self._in_flight += 1
        self._post(frame, answer)

    def _post(self, frame: Send, answer: bool) -> None:
        post = Post(
            self.access.room.name, frame.message, self.actor,
            source="web", key=frame.client_id, reply_to=frame.reply_to,
        )  # fmt: skip
        self._writer.post(post, partial(self._posted, frame, post.room, answer))

    def refuse(self, error: ChatError, client_id: str | None = None) -> None:
        """Say why not."""
        if isinstance(error, Unavailable):
            logger.info("room %s: %s", self.room.id, error)
        reply(self.outlet, refusal(self.access.room.name, error.code, error.detail, client_id))

    async def _obey(self, frame: FullFrame) -> None:
        match frame:
            case EditMessage():
                await self._change(edit_message, frame.seq, frame.message)
            case DeleteMessage():
                await self._change(delete_message, frame.seq)
            case AskHistory():
                await self._history(frame)

    async def _change(self, service: Callable[..., object], *what: int | str) -> None:
        self._spend()
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
        self.renew(found.access)
        return found.access.room.name

    def _spend(self) -> None:
        """One message of this person's rate, on all sockets of this process together."""
        rate = parsed_rate(conf.settings.RATE)
        if rate is not None and (wait := self._rates.wait(self.actor.id, rate)):
            raise RateLimited(wait)

    async def _history(self, frame: AskHistory) -> None:
        """A page of messages by number; the next frame is read when the socket has taken it."""
        read, room = self._hub.lookout.read, self.room
        if frame.after is not None:
            found = await read(history.messages_after, room.id, frame.after, frame.limit + 1)
            page = found[: frame.limit]
        else:
            found = await read(history.messages_before, room.id, frame.before or 2**63 - 1, frame.limit + 1)
            page = found[-frame.limit :]
        answer = History(room=room.name, messages=page, more=len(found) > frame.limit)
        self.outlet.backlog(Encoded.of([events.encode(answer)]))
        await self.outlet.drained()

    def _typing(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._typed_at < _TYPING_EVERY or not self._can_post():
            return
        self._typed_at = now
        actor = self.actor
        author = Author(actor.type, actor.id, actor.name)
        typing = Typing(room=self.room.name, username=actor.username, author=author)
        self._hub.whisper(self.room, events.encode(typing))

    def _can_post(self) -> bool:
        return self._may(check_post)

    def _state(self) -> RoomState:
        """The room now, and whether this person may write in it and delete what somebody else wrote."""
        room = self.access.room
        return RoomState(
            room=room.name, title=room.title, topic=room.topic, private=room.private,
            announce_only=room.announce_only, archived=room.archived,
            can_post=self._can_post(), may_moderate=self._may(check_delete, _SOMEBODY),
        )  # fmt: skip

    def _may(self, check: Callable[..., None], *facts: object) -> bool:
        try:
            check(self.actor, self.access.room, self.access.standing, *facts)
        except ChatError:
            return False
        return True


def reply(outlet: Outlet, event: events.Sendable) -> None:
    """Write one event to one socket."""
    outlet.reply(events.encode(event))
