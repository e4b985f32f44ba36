"""One reader's way through one room: subscribe, read, then live, with what was lost read from the log."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from chatcore import events, history
from chatcore.bell import Batch
from chatcore.events import Gap
from chatcore.exceptions import ChatError, RoomNotFound
from chatcore.feed.lookout import Ear, Lookout
from chatcore.history import Head

logger = logging.getLogger(__name__)

#: Events read at once.
PAGE = 500
#: Seconds between two tries to read from a database that does not answer.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
#: Reads without what the head promises, after which it is lost and not only being pruned.
_HOLES = 3


async def follow(
    lookout: Lookout,
    room_id: int,
    after: int,
    epoch: str,
    whispered: Callable[[bytes], None] | None = None,
    page: int = PAGE,
) -> AsyncGenerator[Batch | Gap, None]:
    """Every event of the room above rev `after`, in order, without end, in batches that follow each other.

    Subscribes, reads, then goes live: repeats are dropped, holes are read from the log. What cannot be read any
    more is announced by a `Gap`; `epoch` is the history that the caller knows. RoomNotFound when it is deleted.
    `whispered` gets what is not of the log, such as typing. `page`: events read at once.
    """
    ear = lookout.listen(room_id)
    place = _Place(room_id, after, epoch, lookout.file())
    if whispered is not None:
        ear.whispers = place.of_this_room(whispered)
    try:
        while True:
            async for item in _missed(lookout, place, page):
                yield item
            while (batch := await _next_batch(lookout, ear, place)) is not None:
                yield batch
    finally:
        lookout.leave(ear)


async def replay(
    lookout: Lookout, room_id: int, after: int, epoch: str, *, page: int = PAGE, patient: bool = True
) -> AsyncGenerator[Batch | Gap, None]:
    """Every event of the room above rev `after` that the log has by now, as `follow` has it.

    A database that does not answer is asked again, or if not `patient` raises what it says.
    """
    async for item in _missed(lookout, _Place(room_id, after, epoch, lookout.file()), page, patient):
        yield item


@dataclass(slots=True)
class _Place:
    """Where a reader stands: the rev of its last event, in which history, in which file; and that event, if known."""

    room_id: int
    last: int
    epoch: str
    file: int | None
    event: bytes | None = None

    def of_this_room(self, whispered: Callable[[bytes], None]) -> Callable[[str, bytes], None]:
        """Without what is of another epoch: of another site on the broker, in a room with the same number."""
        return lambda epoch, payload: whispered(payload) if epoch == self.epoch else None

    def move(self, batch: Batch) -> None:
        """Behind these events."""
        self.last, self.event = batch.head, batch.payloads[-1]


async def _next_batch(lookout: Lookout, ear: Ear, place: _Place) -> Batch | None:
    """The next events that were rung, or None when the log has to be read."""
    while lookout.file() == place.file:
        while (ring := ear.next_ring()) is not None:
            if ring.epoch != place.epoch:
                lookout.listener.ignored["epoch"] += 1
            elif ring.head > place.last:
                if not ring.payloads or ring.prev > place.last:
                    lookout.repaired["ring"] += 1
                    return None
                batch = Batch(
                    place.room_id, place.epoch, place.last, ring.head, ring.payloads[place.last - ring.prev :]
                )
                place.move(batch)
                return batch
        if ear.deleted:
            raise RoomNotFound(f"of number {place.room_id} (it was deleted)")
        if ear.stands_elsewhere(place.last, place.epoch):
            lookout.repaired["head"] += 1
            return None
        ear.told.clear()
        await ear.told.wait()
    return None


async def _missed(
    lookout: Lookout, place: _Place, page_size: int, patient: bool = True
) -> AsyncGenerator[Batch | Gap, None]:
    """What the log has after `place`; a database that does not answer is asked again until it does."""
    pause, holes = _FIRST_PAUSE, 0
    while True:
        file = lookout.file()
        try:
            same = file == place.file or await lookout.read(_is_there, place)
            page = await lookout.read(history.events_after, place.room_id, place.last, page_size)
        except RoomNotFound:
            raise
        except ChatError as error:
            if not patient:
                raise
            logger.debug("reading room %s failed: %s", place.room_id, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        if lookout.file() != file:
            continue  # replaced meanwhile
        pause, place.file = _FIRST_PAUSE, file
        holes = holes + 1 if not page.payloads and page.state.head > place.last else 0
        gap = _gap(page.state, place, changed=not same, lost=holes > _HOLES)
        if gap is not None:
            place.last, place.epoch, place.event = gap.upto, gap.epoch, None
            yield gap
        elif holes:
            await asyncio.sleep(pause)  # pruned between two of the queries: the floor will say so
        elif not page.payloads:
            return
        else:
            batch = Batch(place.room_id, place.epoch, place.last, place.last + len(page.payloads), page.payloads)
            place.move(batch)
            yield batch
            if batch.head >= page.state.head:
                return


def _is_there(place: _Place) -> bool:
    """Whether the log has at that rev the event that the reader knows, not if he knows none.

    That there is none at that rev, the log's head and floor tell.
    """
    if place.last == 0 or (found := history.event_id(place.room_id, place.last)) is None:
        return True
    return place.event is not None and events.decode_event(place.event).event_id == found


def _gap(state: Head, place: _Place, *, changed: bool, lost: bool) -> Gap | None:
    """What breaks the run after `place`, if anything does.

    `changed`: another event has its number; `lost`: the log lacks what its head promises.
    """
    if state.epoch != place.epoch:
        reason, upto = "epoch", state.floor
    elif state.head < place.last:
        reason, upto = "ahead", state.head
    elif state.floor > place.last:
        reason, upto = "pruned", state.floor
    elif changed:
        reason, upto = "history_changed", state.floor
    elif lost:
        reason, upto = "history_changed", state.head
    else:
        return None
    return Gap(room="", reason=reason, after=place.last, upto=upto, epoch=state.epoch)
