"""Reading rooms: what was said (backlog), then what is being said (live). Knows nothing of how it is shown."""

import asyncio
import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple

from chatcore import history
from chatcore.events import Gap, Message, decode_event, is_message
from chatcore.exceptions import NotFound, RoomNotFound
from chatcore.feed import PAGE, Lookout, follow
from chatcore.history import RoomView

Item = Message | Gap


class Start(NamedTuple):
    """Where to begin in each room: the narrowest counts. `lines` None: no bound."""

    lines: int | None
    after: int | None
    since: datetime | None

    def seq(self, room: RoomView) -> int:
        """The number above which the room's messages are wanted."""
        bounds = [0]
        if self.lines is not None:
            bounds.append(room.last_seq - self.lines)
        if self.after is not None:
            bounds.append(min(self.after, room.last_seq))
        if self.since is not None:
            first = history.messages_since(room.id, self.since, 1)
            bounds.append(first[0].seq - 1 if first else room.last_seq)
        return max(bounds)


class _Entry(NamedTuple):
    """An item of the backlog, under what orders it among those of other rooms."""

    moment: datetime
    room: str
    seq: int
    item: Item


def backlog(rooms: Sequence[RoomView], start: Start) -> Iterator[Item]:
    """What the rooms' logs hold above `start`, up to where they stood when the views were read."""
    rooms_entries = [_entries(room, start) for room in rooms]
    for entry in heapq.merge(*rooms_entries, key=lambda entry: entry[:3]):
        yield entry.item


def _entries(room: RoomView, start: Start) -> Iterator[_Entry]:
    """The room's messages in the order of their numbers, and a gap where numbers are missing."""
    last = start.seq(room)
    if start.after is not None and start.after > room.last_seq:
        yield _gap(room, last, "ahead")
    missed = last == start.after  # a number that is missing right after it is a loss, and no choice of where to begin
    while last < room.last_seq:
        page = history.messages_after(room.id, last, PAGE)
        for message in page:
            if message.seq > room.last_seq:
                return  # came later: the live part has it
            if missed and message.seq > last + 1:
                yield _gap(room, last, "pruned", message.created_at)
            yield _Entry(message.created_at, room.name, message.seq, message)
            last, missed = message.seq, True
        if not page:
            if missed:
                yield _gap(room, last, "pruned")
            return


def _gap(room: RoomView, last: int, reason: str, moment: datetime | None = None) -> _Entry:
    gap = Gap(room=room.name, reason=reason, after=room.floor, upto=room.floor, epoch=room.epoch)
    return _Entry(moment or datetime.now(UTC), room.name, last, gap)


async def follow_rooms(rooms: Sequence[RoomView], poll: float, show: Callable[[Item], None]) -> None:
    """Show what comes to the rooms' logs after the views were read, in order of arrival, without end.

    A room that is deleted drops out, with a gap; NotFound when it was the last one. What `show` raises ends it.
    """
    async with Lookout(poll) as lookout:
        readers = {asyncio.create_task(_follow_room(lookout, room, show)) for room in rooms}
        try:
            left = readers
            while left:
                ended, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for reader in ended:
                    reader.result()
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
    raise NotFound("room", " ".join(room.name for room in rooms), hint=": deleted meanwhile")


async def _follow_room(lookout: Lookout, room: RoomView, show: Callable[[Item], None]) -> None:
    try:
        async with aclosing(follow(lookout, room.id, room.head, room.epoch)) as items:
            async for item in items:
                if isinstance(item, Gap):
                    show(Gap(room=room.name, reason=item.reason, after=item.after, upto=item.upto, epoch=item.epoch))
                    continue
                for event in map(decode_event, filter(is_message, item.payloads)):
                    assert isinstance(event, Message)
                    show(event)
    except RoomNotFound:
        show(Gap(room=room.name, reason="deleted", after=room.head, upto=room.head, epoch=room.epoch))
