"""Following a room: every event once and in order, whatever becomes of the rings; what cannot be is a gap."""

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from chatcore import events, services
from chatcore.actors import SYSTEM
from chatcore.bell import Batch
from chatcore.events import Gap
from chatcore.exceptions import RoomNotFound
from chatcore.feed import Lookout, follow
from chatcore.feed.lookout import Ear
from chatcore.history import RoomView
from chatcore.history.log import Head
from chatcore.models import Change, Room
from chatcore.models import Message as Row
from chatcore.services import Post
from tests.integration.sockets import elsewhere
from tests.integration.writing import Rung, say
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)

Feed = AsyncGenerator[Batch | Gap, None]


class Reader:
    """Reads a feed, and sees to it that each batch follows the one before it and holds what it says."""

    def __init__(self, feed: Feed, after: int) -> None:
        self._feed, self.last = feed, after
        self.payloads: list[bytes] = []

    async def item(self) -> Batch | Gap:
        async with asyncio.timeout(DEADLINE_S):
            item = await anext(self._feed)
        if isinstance(item, Batch):
            assert item.prev == self.last
            assert [events.decode_event(payload).rev for payload in item.payloads] == list(
                range(item.prev + 1, item.head + 1)
            )
            self.payloads.extend(item.payloads)
            self.last = item.head
        else:
            self.last = item.upto
        return item

    async def upto(self, rev: int) -> None:
        while self.last < rev:
            assert isinstance(await self.item(), Batch)
        assert self.last == rev

    async def gap(self) -> Gap:
        item = await self.item()
        assert isinstance(item, Gap), item
        return item


def following(
    room: RoomView, check: Callable[[Lookout, Reader], Awaitable[None]], *, after: int = 0, heads: bool = True
) -> None:
    """Run the check with a reader of the room; without `heads` only rings tell of posts."""

    async def run() -> None:
        lookout = Lookout(poll=0.01)
        if heads:
            lookout.start()
        try:
            async with aclosing(follow(lookout, room.id, after, room.epoch)) as feed:
                await check(lookout, Reader(feed, after))
        finally:
            await lookout.close()

    asyncio.run(run())


def batches(room: RoomView, *texts: str) -> list[Batch]:
    """Post each text in a commit of its own; what would be rung."""
    rung = Rung()
    for text in texts:
        services.post_messages([Post(room.name, text)], announce=rung)
    return list(rung)


# Rings


def test_what_is_in_the_log_comes_first(newbox: RoomView) -> None:
    say("newbox", *map(str, range(1203)))
    services.edit_message("newbox", 7, "x", SYSTEM)

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(1204)
        (ring,) = await elsewhere(batches, newbox, "live")
        lookout.heard(ring)
        await reader.upto(1205)
        assert reader.payloads[-1] is ring.payloads[0], "live events are not read again"

    following(newbox, check, heads=False)


def test_a_reader_may_begin_anywhere(newbox: RoomView) -> None:
    say("newbox", *map(str, range(20)))

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(20)
        assert len(reader.payloads) == 5

    following(newbox, check, after=15, heads=False)


def test_a_lost_ring_is_read_from_the_log_when_the_next_one_comes(newbox: RoomView) -> None:
    async def check(lookout: Lookout, reader: Reader) -> None:
        await elsewhere(batches, newbox, "before")
        await reader.upto(1)
        first, _lost, _lost_too, last = await elsewhere(batches, newbox, "a", "b", "c", "d")
        lookout.heard(first)
        lookout.heard(last)
        await reader.upto(5)
        assert lookout.repaired["ring"] == 1

    following(newbox, check, heads=False)


def test_of_a_ring_that_overlaps_with_what_was_read_only_the_rest_is_new(newbox: RoomView) -> None:
    async def check(lookout: Lookout, reader: Reader) -> None:
        await elsewhere(batches, newbox, "before")
        await reader.upto(1)
        first, second = await elsewhere(batches, newbox, "a", "b")
        lookout.heard(first)
        await reader.upto(2)
        lookout.heard(Batch(newbox.id, newbox.epoch, 1, 3, [*first.payloads, *second.payloads]))
        await reader.upto(3)
        assert reader.payloads[1:] == [*first.payloads, *second.payloads]
        assert lookout.repaired["ring"] == 0

    following(newbox, check, heads=False)


def test_repeated_late_overlapping_and_bare_rings_change_nothing(newbox: RoomView) -> None:
    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader_is_live(lookout, reader)
        rings = await elsewhere(batches, newbox, *"bcdefgh")
        whole = Batch(newbox.id, newbox.epoch, 1, 8, [payload for ring in rings for payload in ring.payloads])
        bare = Batch(newbox.id, newbox.epoch, 4, 5)
        for ring in (rings[0], rings[0], rings[2], rings[1], bare, whole, rings[6], rings[0], whole):
            lookout.heard(ring)
        await reader.upto(8)
        assert len(reader.payloads) == 8

    async def reader_is_live(lookout: Lookout, reader: Reader) -> None:
        (ring,) = await elsewhere(batches, newbox, "a")
        lookout.heard(ring)
        await reader.upto(1)

    following(newbox, check, heads=False)


def test_rings_of_another_site_on_the_same_broker_are_ignored_and_counted(newbox: RoomView) -> None:
    async def check(lookout: Lookout, reader: Reader) -> None:
        (first,) = await elsewhere(batches, newbox, "a")
        lookout.heard(first)
        await reader.upto(1)
        lookout.heard(Batch(newbox.id, "0" * 32, 1, 2, [b'{"type":"message","message":"foreign"}']))
        lookout.heard(Batch(newbox.id + 1, newbox.epoch, 1, 2, [b"{}"]))
        (second,) = await elsewhere(batches, newbox, "b")
        lookout.heard(second)
        await reader.upto(2)
        assert lookout.listener.ignored == {"epoch": 1}
        assert b"foreign" not in b"".join(reader.payloads)

    following(newbox, check, heads=False)


def test_a_reader_that_is_slower_than_the_rings_goes_back_to_the_log(newbox: RoomView) -> None:
    async def check(lookout: Lookout, reader: Reader) -> None:
        (first,) = await elsewhere(batches, newbox, "a")
        lookout.heard(first)
        await reader.upto(1)
        rung = Rung()
        posts = [Post("newbox", str(number)) for number in range(1500)]
        await elsewhere(services.post_messages, posts, announce=rung)
        for rev, payload in enumerate(rung[0].payloads, 2):
            lookout.heard(Batch(newbox.id, newbox.epoch, rev - 1, rev, [payload]))
        await reader.upto(1501)

    following(newbox, check, heads=False)


def test_what_waits_for_a_slow_reader_is_bounded_in_bytes(newbox: RoomView) -> None:
    ear = Lookout().listen(newbox.id)
    for rev in range(100):
        ear.ring(Batch(newbox.id, newbox.epoch, rev, rev + 1, [b"x" * 100_000]))
    waiting = []
    while (ring := ear.next_ring()) is not None:
        waiting.append(ring.head)
    assert waiting == list(range(91, 101))


@pytest.mark.parametrize("seed", range(5))
def test_no_disorder_of_rings_loses_or_repeats_an_event(newbox: RoomView, seed: int) -> None:
    chance = random.Random(seed)

    def commit(number: int) -> Batch:
        rung = Rung()
        if number % 5 == 4:
            services.edit_message("newbox", chance.randint(1, 3), str(number), SYSTEM, announce=rung)
        else:
            services.post_messages([Post("newbox", str(number))] * chance.randint(1, 3), announce=rung)
        return rung[0]

    async def check(lookout: Lookout, reader: Reader) -> None:
        async def ring_in_disorder() -> None:
            on_their_way: list[Batch] = []
            for number in range(50):
                ring = await elsewhere(commit, number)
                if chance.random() < 0.3:
                    continue
                bare = Batch(ring.room_id, ring.epoch, ring.prev, ring.head)
                on_their_way += [chance.choice([ring, ring, ring, bare])] * chance.choice([1, 1, 2])
                chance.shuffle(on_their_way)
                while on_their_way and chance.random() < 0.6:
                    lookout.heard(on_their_way.pop())
            await elsewhere(say, "newbox", "the end")

        ringing = asyncio.create_task(ring_in_disorder())
        while not reader.payloads or events.decode_event(reader.payloads[-1]).message != "the end":
            await reader.item()
        await ringing

    following(newbox, check)


def test_the_last_ring_of_a_quiet_room_is_not_missed(newbox: RoomView) -> None:
    """No ring at all: only the log's own bell tells."""

    async def check(lookout: Lookout, reader: Reader) -> None:
        for number in range(1, 4):
            await elsewhere(say, "newbox", str(number))
            await reader.upto(number)

    following(newbox, check)


def test_several_readers_of_one_room_each_get_everything(newbox: RoomView) -> None:
    say("newbox", *"abc")

    async def run() -> None:
        async with Lookout(poll=0.01) as lookout:
            feeds = [follow(lookout, newbox.id, after, newbox.epoch) for after in (0, 1, 3)]
            readers = [Reader(feed, after) for feed, after in zip(feeds, (0, 1, 3), strict=True)]
            await elsewhere(say, "newbox", "d")
            for reader in readers:
                await reader.upto(4)
            await feeds[0].aclose()
            await elsewhere(say, "newbox", "e")
            for reader in readers[1:]:
                await reader.upto(5)
            for feed in feeds:
                await feed.aclose()
            assert lookout._ears == {}

    asyncio.run(run())


# Gaps


def test_a_floor_that_moves_past_the_reader_is_a_gap(newbox: RoomView) -> None:
    say("newbox", *"abcdef")
    Row.objects.filter(rev__lte=4).delete()
    Room.objects.update(floor=4)

    async def check(lookout: Lookout, reader: Reader) -> None:
        gap = await reader.gap()
        assert (gap.reason, gap.after, gap.upto, gap.epoch) == ("pruned", 0, 4, newbox.epoch)
        await reader.upto(6)

    following(newbox, check, heads=False)


def test_another_epoch_is_a_gap_and_its_log_follows(newbox: RoomView) -> None:
    say("newbox", *"abc")

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(3)
        await elsewhere(Room.objects.update, epoch="1" * 32)
        gap = await reader.gap()
        assert (gap.reason, gap.after, gap.upto, gap.epoch) == ("epoch", 3, 0, "1" * 32)
        await reader.upto(3)

    following(newbox, check)


def test_a_log_that_has_gone_back_is_a_gap_and_no_mixing_of_numbers(newbox: RoomView) -> None:
    say("newbox", *"abcdef")

    def restore() -> None:
        Row.objects.filter(rev__gt=2).delete()
        Room.objects.update(head=2, last_seq=2)

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(6)
        await elsewhere(say, "newbox", "seen by the heads")
        await reader.upto(7)
        await elsewhere(restore)
        gap = await reader.gap()
        assert (gap.reason, gap.after, gap.upto) == ("ahead", 7, 2)
        await elsewhere(say, "newbox", "another third")
        await reader.upto(3)
        assert events.decode_event(reader.payloads[-1]).message == "another third"

    following(newbox, check)


def test_a_head_without_its_events_is_a_gap_and_not_silence(newbox: RoomView) -> None:
    say("newbox", *"abc")
    Row.objects.filter(rev__gte=2).delete()

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(1)
        gap = await reader.gap()
        assert (gap.reason, gap.after, gap.upto) == ("history_changed", 1, 3)
        await elsewhere(say, "newbox", "d")
        await reader.upto(4)

    following(newbox, check)


def test_a_room_that_is_deleted_ends_its_feeds(newbox: RoomView) -> None:
    say("newbox", "a")

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(1)
        await elsewhere(Room.objects.all().delete)
        with pytest.raises(RoomNotFound, match="it was deleted"):
            await reader.item()

    following(newbox, check)


def test_a_room_that_never_was_is_not_found(newbox: RoomView) -> None:
    async def run() -> None:
        async with Lookout() as lookout, aclosing(follow(lookout, newbox.id + 1, 0, "e")) as feed:
            with pytest.raises(RoomNotFound):
                await anext(feed)

    asyncio.run(run())


# A database in trouble


def test_readers_wait_for_a_database_that_does_not_answer(newbox: RoomView) -> None:
    say("newbox", "a")

    def hide() -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE chatcore_message RENAME TO hidden")

    def show() -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO chatcore_message")

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(1)
        (ring,) = await elsewhere(batches, newbox, "b")
        await elsewhere(hide)
        try:
            lookout.heard(Batch(newbox.id, newbox.epoch, 1, 2))
            item = asyncio.create_task(reader.item())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(item), 0.2)
        finally:
            await elsewhere(show)
        found = await item
        assert isinstance(found, Batch)
        assert list(found.payloads) == list(ring.payloads)

    following(newbox, check, heads=False)


class Interrupted:
    """Makes SQLite itself break off every statement of the thread that watches the log, while `now` is set."""

    def __init__(self) -> None:
        self.now = threading.Event()
        self.broken_off = threading.Event()

    def _progress(self) -> int:
        if self.now.is_set():
            self.broken_off.set()
        return int(self.now.is_set())

    def _install(self, connection: Any, **_: Any) -> None:
        if threading.current_thread().name == "chat-lookout":
            connection.connection.set_progress_handler(self._progress, 1)

    @contextmanager
    def installed(self) -> Iterator[None]:
        connection_created.connect(self._install)
        try:
            yield
        finally:
            connection_created.disconnect(self._install)


@pytest.mark.sqlite("its own way to break off a statement")
def test_the_watch_over_the_log_outlives_the_database_s_troubles(
    newbox: RoomView, caplog: pytest.LogCaptureFixture
) -> None:
    trouble = Interrupted()

    async def check(lookout: Lookout, reader: Reader) -> None:
        await elsewhere(say, "newbox", "a")
        await reader.upto(1)
        trouble.now.set()
        await asyncio.to_thread(trouble.broken_off.wait, DEADLINE_S)
        await elsewhere(say, "newbox", "b")
        trouble.now.clear()
        await reader.upto(2)

    with trouble.installed():
        following(newbox, check)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["the database does not answer (interrupted); readers wait for it", "the database answers again"]


def test_a_change_of_the_log_alone_is_seen(newbox: RoomView) -> None:
    say("newbox", "a", "b")

    async def check(lookout: Lookout, reader: Reader) -> None:
        await reader.upto(2)
        await elsewhere(services.delete_message, "newbox", 1, SYSTEM)
        await reader.upto(3)
        assert (await elsewhere(Change.objects.get)).rev == 3

    following(newbox, check)


def test_a_log_that_was_set_back_before_it_was_looked_at_is_noticed_at_the_second_look() -> None:
    """At the first one a ring may only have been quicker."""
    ear, state = Ear(1), Head(2, 0, "e")
    ear.look(state)
    assert not ear.stands_elsewhere(3, "e")
    ear.look(state)
    assert ear.told.is_set()
    assert ear.stands_elsewhere(3, "e")
    assert not ear.stands_elsewhere(3, "e")
