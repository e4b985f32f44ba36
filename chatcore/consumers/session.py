"""What somebody does who is in a room: frame -> service -> reply."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from chatcore import conf, events, history
from chatcore.events import Author, History, Open, Pong, Sent, Typing, You, refusal
from chatcore.exceptions import ChatError, RateLimited, Unavailable
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

    def opening(self, head: int, epoch: str) -> Open:
        """The first event of a full client, for the rev and the epoch at which the room stands."""
        view, actor = self.access.room, self.actor
        return Open(
            room=view.name, head=head, floor=view.floor, epoch=epoch, last_seq=view.last_seq,
            you=You(actor.type, actor.id, actor.name, actor.username), can_post=self._can_post(),
            title=view.title, topic=view.topic, members=view.member_count,
            read_seq=self._read_seq, may_moderate=self._may_moderate(),
        )  # fmt: skip

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
        post = Post(
            self.access.room.name, frame.message, self.actor,
            source="web", key=frame.client_id, reply_to=frame.reply_to,
        )  # fmt: skip
        self._writer.post(post, partial(self._posted, frame.client_id, answer))

    def refuse(self, error: ChatError, client_id: str | None = None) -> None:
        """Say why not."""
        if isinstance(error, Unavailable):
            logger.info("room %s: %s", self.room.id, error)
        reply(self.outlet, refusal(self.access.room.name, error.code, error.detail, client_id))

    async def _obey(self, frame: FullFrame) -> None:
        name = self.access.room.name
        match frame:
            case EditMessage():
                self._spend()
                await self._writer.run(edit_message, name, frame.seq, frame.message, self.actor)
            case DeleteMessage():
                self._spend()
                await self._writer.run(delete_message, name, frame.seq, self.actor)
            case AskHistory():
                await self._history(frame)

    def _posted(self, client_id: str | None, answer: bool, result: Posted | ChatError) -> None:
        self._in_flight -= 1
        if isinstance(result, ChatError):
            self.refuse(result, client_id)
        elif answer:
            stored, repeated = result.message, result.duplicate
            reply(
                self.outlet,
                Sent(room=stored.room, client_id=client_id, seq=stored.seq, rev=stored.rev, duplicate=repeated),
            )

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

    def _may_moderate(self) -> bool:
        """Whether this person may delete what somebody else wrote."""
        return self._may(check_delete, _SOMEBODY)

    def _may(self, check: Callable[..., None], *facts: object) -> bool:
        try:
            check(self.actor, self.access.room, self.access.standing, *facts)
        except ChatError:
            return False
        return True


def reply(outlet: Outlet, event: events.Sendable) -> None:
    """Write one event to one socket."""
    outlet.reply(events.encode(event))
