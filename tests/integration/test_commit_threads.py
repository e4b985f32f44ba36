"""Several threads that commit, where the database has more than one writer: each room in one of them, and none in the
way of another."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest
from django.db import connection, transaction
from django.test import override_settings

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.bell import Batch
from chatcore.exceptions import ChatError
from chatcore.services import Post, Posted
from chatcore.services.locking import lock_rooms
from chatcore.writer import Writer
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)
SERVER = pytest.mark.on_postgresql("SQLite has one writer at a time")
ROOMS = [f"room{number}" for number in range(12)]


class Told:
    """A writer, what it announced, and the outcomes of each room's posts in the order in which they were told."""

    def __init__(self) -> None:
        self.announced: dict[int, list[Batch]] = defaultdict(list)
        self.outcomes: dict[str, list[Posted | ChatError]] = defaultdict(list)
        self.writer = Writer(self._announce)

    def _announce(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.announced[batch.room_id].append(batch)

    def post(self, room: str, text: str) -> None:
        self.writer.post(Post(room, text), partial(self._tell, room))

    def _tell(self, room: str, outcome: Posted | ChatError) -> None:
        self.outcomes[room].append(outcome)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110  the writer tells by callback
                await asyncio.sleep(0.005)


def with_writer(check: Callable[[Told], Awaitable[None]]) -> Told:
    async def run() -> Told:
        told = Told()
        try:
            await check(told)
        finally:
            await told.writer.close()
        return told

    return asyncio.run(run())


@pytest.fixture
def rooms() -> dict[str, int]:
    return {name: services.create_room(name).room.id for name in ROOMS}


@pytest.fixture
def lanes(rooms: dict[str, int]) -> dict[str, int]:
    """Which of four threads is each room's."""
    told = Told()
    found = {name: told.writer.lanes.index(told.writer.lane(name)) for name in ROOMS}
    asyncio.run(told.writer.close())
    return found


def test_sqlite_has_one_thread_and_other_databases_what_is_set() -> None:
    with override_settings(CHAT_COMMIT_THREADS=3):
        writer = Writer(lambda batches: None)
    assert len(writer.lanes) == (1 if connection.vendor == "sqlite" else 3)
    asyncio.run(writer.close())


def test_each_rooms_posts_edits_and_announcements_keep_their_order(rooms: dict[str, int]) -> None:
    async def check(told: Told) -> None:
        for number in range(40):
            for name in ROOMS:
                told.post(name, str(number))
            if number % 10 == 9:
                await asyncio.sleep(0)
        edits = [told.writer.run(services.edit_message, name.upper(), 1, "edited", SYSTEM) for name in ROOMS]
        await asyncio.gather(*edits)
        await told.writer.settled()

    told = with_writer(check)
    for name, room_id in rooms.items():
        assert [outcome.message.seq for outcome in told.outcomes[name] if isinstance(outcome, Posted)] == [
            *range(1, 41)
        ]
        ends = [(batch.prev, batch.head) for batch in told.announced[room_id]]
        assert [prev for prev, _ in ends] == [0, *(head for _, head in ends[:-1])], "one after the other"
        assert ends[-1][1] == history.room_named(name).head == 41


@SERVER
def test_a_room_that_is_locked_keeps_rooms_of_other_threads_from_nothing(lanes: dict[str, int]) -> None:
    held = ROOMS[0]
    others = [name for name in ROOMS if lanes[name] != lanes[held]]
    assert others
    locked, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_rooms([held])
            locked.set()
            enough.wait(DEADLINE_S)
        connection.close()

    holding = threading.Thread(target=hold)

    async def check(told: Told) -> None:
        holding.start()
        await asyncio.to_thread(locked.wait, DEADLINE_S)
        for name in (held, *others):
            told.post(name, "x")
        await told.until(lambda: all(told.outcomes[name] for name in others))
        assert not told.outcomes[held]
        enough.set()
        await told.writer.settled()

    try:
        told = with_writer(check)
    finally:
        enough.set()
        holding.join()
    assert all(isinstance(outcome, Posted) for outcomes in told.outcomes.values() for outcome in outcomes)


@SERVER
def test_a_message_in_a_room_may_be_referred_to_while_the_room_is_held(rooms: dict[str, int]) -> None:
    """A read mark refers to its room: were it kept waiting there, two programs could wait for each other."""
    marked = threading.Event()

    def mark() -> None:
        services.save_read_marks({(rooms[ROOMS[0]], "7"): 1}, timeout=DEADLINE_S)
        marked.set()
        connection.close()

    marking = threading.Thread(target=mark)
    services.post_messages([Post(ROOMS[0], "x")])
    with transaction.atomic():
        lock_rooms([ROOMS[0]])
        marking.start()
        assert marked.wait(DEADLINE_S)
    marking.join()
