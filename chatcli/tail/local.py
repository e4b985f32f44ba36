"""A tail's source on the data's own machine: the database, woken by whatever tells of a post."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from chatcli.tail.source import RoomLog, Run
from chatcore import feed, history
from chatcore.actors import SYSTEM
from chatcore.bell import Batch
from chatcore.events import Gap, Message
from chatcore.exceptions import ChatError

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two looks where nobody tells of posts.
POLL_S = 0.05


class DatabaseLogs:
    """Reads of the database; `id` is the room's primary key."""

    def rooms(self) -> list[RoomLog]:
        """All there are, in the order of their names."""
        return [
            RoomLog(room.id, room.name, room.key, room.archived, room.last_seq, room.head, room.floor, room.epoch)
            for room in history.room_logs()
        ]

    def unknown_room(self, word: str) -> ChatError:
        """With names that were perhaps meant."""
        return history.unknown_room(word, SYSTEM)

    def messages_after(self, room: RoomLog, seq: int, limit: int) -> Sequence[Message]:
        """The first messages above this number."""
        return history.messages_after(room.id, seq, limit)

    def messages_since(self, room: RoomLog, moment: datetime, limit: int) -> Sequence[Message]:
        """The first messages from this moment on."""
        return history.messages_since(room.id, moment, limit)

    def event_id(self, room: RoomLog, rev: int) -> str | None:
        """The id of the event at this rev, None if it is not there."""
        return history.event_id(room.id, rev)

    def floor(self, room: RoomLog) -> int | None:
        """The rev up to which the room's log is pruned by now, None if the room is no more."""
        state = history.heads([room.id]).get(room.id)
        return None if state is None else state.floor


class LocalSource:
    """The database, followed by a lookout."""

    rooms_every = 0.5

    def __init__(self, poll: float) -> None:
        """`poll`: seconds between two looks where nobody tells of posts."""
        self.logs = DatabaseLogs()
        self._poll = poll

    async def __aenter__(self) -> Self:
        self._lookout = feed.Lookout(self._poll)
        await self._lookout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lookout.__aexit__(kind, error, trace)

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In the thread that reads."""
        return await self._lookout.read(call, *args, **kwargs)

    async def replay(
        self, room_id: int, after: int, epoch: str, *, page: int, patient: bool
    ) -> AsyncGenerator[Run | Gap, None]:
        """What the log has by now."""
        async with aclosing(feed.replay(self._lookout, room_id, after, epoch, page=page, patient=patient)) as items:
            async for item in items:
                yield _run(item)

    async def follow(
        self, room_id: int, after: int, epoch: str, whispered: Callable[[bytes], None] | None, page: int
    ) -> AsyncGenerator[Run | Gap, None]:
        """That, and what comes."""
        async with aclosing(feed.follow(self._lookout, room_id, after, epoch, whispered, page)) as items:
            async for item in items:
                yield _run(item)


def _run(item: Batch | Gap) -> Run | Gap:
    return item if isinstance(item, Gap) else Run(item.prev, item.payloads)
