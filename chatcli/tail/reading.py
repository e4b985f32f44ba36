"""What the rooms' logs hold (backlog), then what comes to them (live), one item after the other."""

import heapq
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from sys import maxsize

import msgspec

from chatcli.tail.source import PAGE, Run, Source
from chatcli.tail.tracks import Entry, Item, Missing, Track
from chatcore.events import Gap
from chatcore.exceptions import RoomNotFound

#: Events of all rooms together that are read ahead at most, and of each at least.
_READ_AHEAD, _SMALLEST_PAGE = 20_000, 20
#: Reasons of gaps that leave out events which the log still has.
_SKIPPING = ("ahead", "history_changed")


class _When(msgspec.Struct):
    """What orders events of several rooms: only this is taken from each."""

    created_at: datetime
    seq: int


_when = msgspec.json.Decoder(_When)


def page_size(rooms: int) -> int:
    """How many events of each room are read at once, so that those of many rooms fit into memory."""
    return max(_SMALLEST_PAGE, min(PAGE, _READ_AHEAD // max(1, rooms)))


async def backlog(source: Source, tracks: Sequence[Track], *, patient: bool) -> AsyncGenerator[Item, None]:
    """What the rooms' logs hold from where the tracks stand to where their backlogs end; several rooms are merged by
    (created_at, room, seq). Unless `patient`, a source that does not answer raises Unavailable."""
    page = page_size(len(tracks))
    rooms = [_room_backlog(source, track, page, patient) for track in tracks]
    async with aclosing(rooms[0] if len(rooms) == 1 else _merged(tracks, rooms)) as items:
        async for item in items:
            yield item


async def _room_backlog(source: Source, track: Track, page: int, patient: bool) -> AsyncGenerator[Item, None]:
    (after, epoch), upto = track.next, track.upto
    if track.gap is not None:
        yield Missing(track, track.gap)
    if after >= upto:
        return
    try:
        async with aclosing(source.replay(track.id, after, epoch, page=page, patient=patient)) as items:
            async for item in items:
                if isinstance(item, Gap):
                    if item.reason != "pruned":  # upto is a rev of another history
                        if patient:
                            return  # who follows meets it again
                        upto = maxsize
                    yield _missing(track, item)
                    continue
                yield _entries(track, item)[: max(0, upto - item.prev)]
                if item.head >= upto:
                    return
    except RoomNotFound:
        yield _deleted(track)


async def _merged(tracks: Sequence[Track], rooms: Sequence[AsyncIterator[Item]]) -> AsyncGenerator[Item, None]:
    """The rooms' items in one order, several at a time. Each room is read as far as it is needed, and a page ahead."""
    readers = [_Reader(track, room) for track, room in zip(tracks, rooms, strict=True)]
    heap = [(await reader.advance(), number) for number, reader in enumerate(readers)]
    heap = [(key, number) for key, number in heap if key is not None]
    heapq.heapify(heap)
    ready: list[Entry] = []
    while heap:
        number = heap[0][1]
        head = readers[number].head
        if isinstance(head, Missing):
            if ready:
                yield ready
                ready = []
            yield head
        elif head is not None:
            ready.append(head)
        if len(ready) >= PAGE:
            yield ready
            ready = []
        key = await readers[number].advance()
        if key is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (key, number))
    if ready:
        yield ready


class _Reader:
    """One room in a merge: its next entry or gap, and what that is ordered by."""

    def __init__(self, track: Track, items: AsyncIterator[Item]) -> None:
        self.head: Entry | Missing | None = None
        self._name = track.name
        self._items = items
        self._page: deque[Entry | Missing] = deque()

    async def advance(self) -> tuple[float, str, int] | None:
        """Go to the next; what orders it, or None at the end. A gap comes before all, right where it belongs."""
        while not self._page:
            item = await anext(self._items, None)
            if item is None:
                self.head = None
                return None
            self._page.extend([item] if isinstance(item, Missing) else item)
        self.head = self._page.popleft()
        if isinstance(self.head, Missing):
            return 0.0, self._name, 0
        when = _when.decode(self.head.payload)
        return when.created_at.timestamp(), self._name, when.seq


async def live(
    source: Source, track: Track, page: int, whispered: Callable[[bytes], None] | None, *, rewinds: bool
) -> AsyncGenerator[Item, None]:
    """What comes to the room's log from where the track stands, which must have moved on when the next is asked for;
    a last gap when the room is deleted. `rewinds`: after a change of history begin at the oldest event."""
    try:
        while True:
            if track.gap is not None:
                yield Missing(track, track.gap)
            feed = source.follow(track.id, track.rev, track.epoch, whispered, page)
            async with aclosing(feed) as items:
                async for item in items:
                    if isinstance(item, Run):
                        yield _entries(track, item)
                    elif rewinds and item.reason in _SKIPPING:
                        yield _missing(track, msgspec.structs.replace(item, upto=0))
                        break
                    else:
                        yield _missing(track, item)
    except RoomNotFound:
        yield _deleted(track)


def _entries(track: Track, run: Run) -> list[Entry]:
    """The run's events one by one."""
    return [Entry(track, rev, payload) for rev, payload in enumerate(run.payloads, run.prev + 1)]


def _missing(track: Track, gap: Gap) -> Missing:
    """The gap under the name of its room."""
    return Missing(track, msgspec.structs.replace(gap, room=track.name))


def _deleted(track: Track) -> Missing:
    """That the room is no more."""
    gap = Gap(room=track.name, reason="deleted", after=track.rev, upto=track.rev, epoch=track.epoch)
    return Missing(track, gap)
