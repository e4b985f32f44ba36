"""One reader's way through one room: subscribe, read, then live, with what was lost read from the log."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from chatcore import history
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
    ear.whispers = whispered
    place = _Place(room_id, after, epoch)
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
    async for item in _missed(lookout, _Place(room_id, after, epoch), page, patient):
        yield item


@dataclass(slots=True)
class _Place:
    """Where a reader stands: the rev of its last event, in which history."""

    room_id: int
    last: int
    epoch: str


async def _next_batch(lookout: Lookout, ear: Ear, place: _Place) -> Batch | None:
    """The next events that were rung, or None when the log has to be read."""
    while True:
        while (ring := ear.next_ring()) is not None:
            if ring.epoch != place.epoch:
                lookout.listener.ignored["epoch"] += 1
            elif ring.head > place.last:
                if not ring.payloads or ring.prev > place.last:
                    return None
                batch = Batch(
                    place.room_id, place.epoch, place.last, ring.head, ring.payloads[place.last - ring.prev :]
                )
                place.last = ring.head
                return batch
        if ear.deleted:
            raise RoomNotFound(f"of number {place.room_id} (it was deleted)")
        if ear.stands_elsewhere(place.last, place.epoch):
            return None
        ear.told.clear()
        await ear.told.wait()


async def _missed(
    lookout: Lookout, place: _Place, page_size: int, patient: bool = True
) -> AsyncGenerator[Batch | Gap, None]:
    """What the log has after `place`; a database that does not answer is asked again until it does."""
    pause, holes = _FIRST_PAUSE, 0
    while True:
        try:
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
        pause = _FIRST_PAUSE
        holes = holes + 1 if not page.payloads and page.state.head > place.last else 0
        gap = _gap(page.state, place, lost=holes > _HOLES)
        if gap is not None:
            place.last, place.epoch = gap.upto, gap.epoch
            yield gap
        elif holes:
            await asyncio.sleep(pause)  # pruned between two of the queries: the floor will say so
        elif not page.payloads:
            return
        else:
            batch = Batch(place.room_id, place.epoch, place.last, place.last + len(page.payloads), page.payloads)
            place.last = batch.head
            yield batch
            if batch.head >= page.state.head:
                return


def _gap(state: Head, place: _Place, lost: bool) -> Gap | None:
    """What breaks the run after `place`, if anything does; `lost`: the log lacks what its head promises."""
    if state.epoch != place.epoch:
        reason, upto = "epoch", state.floor
    elif state.head < place.last:
        reason, upto = "ahead", state.head
    elif state.floor > place.last:
        reason, upto = "pruned", state.floor
    elif lost:
        reason, upto = "history_changed", state.head
    else:
        return None
    return Gap(room="", reason=reason, after=place.last, upto=upto, epoch=state.epoch)
