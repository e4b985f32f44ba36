"""Reading and writing cost the same in a long room: no query goes through the log, and SQLite takes as many steps in a
room of 20,000 messages as in one of 1,000."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import DjangoDbBlocker

from chatcli.tail.local import DatabaseLogs
from chatcli.tail.source import RoomLog
from chatcli.tail.start import Start
from chatcore import history, services
from chatcore.actors import SYSTEM, Actor, actor_for
from chatcore.history.room_list import common_banner, room_list
from chatcore.models import Change, Message, Room
from chatcore.services import Post
from tests.bench.filling import fill

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sqlite("its own plans and steps"),
]

SIZES = {"short": 1_000, "long": 20_000}
SEARCH = re.compile(r"SEARCH \w+ USING (?:COVERING )?INDEX (\w+) \((.*)\)")
OF_A_LOG = re.compile(r'SELECT [^(]* FROM "chatcore_(message|change)"')
#: The index of which no more than the room needs to be known: nothing is in it but banners.
BANNERS = "chatcore_message_banner"


class Place(NamedTuple):
    """A room, its only member, who has read nothing, and what is read there."""

    log: RoomLog
    actor: Actor

    @property
    def id(self) -> int:
        return self.log.id

    @property
    def middle(self) -> int:
        return self.log.last_seq // 2


@pytest.fixture(scope="module")
def places(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Place]]:
    """The two rooms, for all tests here: to fill one takes a while."""
    with django_db_blocker.unblock():
        actors = [actor_for(User.objects.create_user(name)) for name in SIZES]
        for name, size in SIZES.items():
            services.create_room(name, private=True, members=[name])
            services.post_messages([Post(name, "the first")])
            fill(name, size)
        logs = {log.name: log for log in DatabaseLogs().rooms()}
        yield [Place(logs[actor.name], actor) for actor in actors]
        Message.objects.all().delete()
        Room.objects.all().delete()
        User.objects.all().delete()


def expire(place: Place) -> None:
    soon = Message.objects.filter(room=place.id, seq=place.middle)
    soon.update(expires_at=soon.get().created_at, deleted_at=None)
    assert services.expire_messages() == 1


def since_the_middle(place: Place) -> Start:
    return Start(None, None, Message.objects.get(room=place.id, seq=place.middle).created_at)


READS: dict[str, Callable[[Place], object]] = {
    "the way in": lambda it: history.entrance(it.log.name, it.actor),
    "where the log stands": lambda it: history.heads([it.id]),
    "the newest": lambda it: history.latest_messages(it.id, 50, it.log.head),
    "back from the end": lambda it: history.messages_before(it.id, 2**63 - 1, 51),
    "back from the middle": lambda it: history.messages_before(it.id, it.middle, 51),
    "back from the beginning": lambda it: history.messages_before(it.id, 100, 51),
    "on from the middle": lambda it: history.messages_after(it.id, it.middle, 51),
    "one message": lambda it: history.message(it.id, it.log.name, it.middle),
    "some messages": lambda it: history.messages_numbered(it.id, [1, it.middle, it.log.last_seq]),
    "catching up": lambda it: history.events_after(it.id, it.log.head - 500, 500),
    "catching up from the beginning": lambda it: history.events_after(it.id, 0, 500),
    "the event of a cursor": lambda it: history.event_id(it.id, it.middle),
    "the banner of a room": lambda it: history.standing_banner(it.id),
    "the banner of all rooms": lambda it: common_banner([it.id]),
    "the list of rooms": lambda it: room_list(it.actor),
    "who has read": lambda it: history.readers_of(it.log.name, it.middle),
    "chat_tail -n": lambda it: Start(10, None, None).place(DatabaseLogs(), it.log),
    "chat_tail --after": lambda it: Start(None, it.middle, None).place(DatabaseLogs(), it.log),
    "chat_tail --since": lambda it: since_the_middle(it).place(DatabaseLogs(), it.log),
}
WRITES: dict[str, Callable[[Place], object]] = {
    "a post": lambda it: services.post_messages([Post(it.log.name, "hello", it.actor)]),
    "a post with a key": lambda it: services.post_messages([Post(it.log.name, "hello", key="once")]),
    "a post into a slot": lambda it: services.post_messages([Post(it.log.name, "hello", slot="status")]),
    "a post that was not sent of late": lambda it: services.post_messages(
        [Post(it.log.name, "hello", once=timedelta(seconds=30))]
    ),
    "an edit": lambda it: services.edit_message(it.log.name, it.middle, "hello", SYSTEM),
    "a deletion": lambda it: services.delete_message(it.log.name, it.middle, SYSTEM),
    "what is over": expire,
    "old keys": lambda it: services.forget_keys(),
}


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_no_query_goes_through_a_log(name: str, places: list[Place]) -> None:
    for sql, plan in plans(lambda: {**READS, **WRITES}[name](places[1])):
        for step in plan:
            assert not re.match("SCAN (?!chatcore_room|chatcore_scheduled)", step), f"{step}: {sql}"
            found = SEARCH.match(step)
            if found is not None and found[1] in log_indexes() - {BANNERS}:
                assert found[2] != "room_id=?", f"{step}: {sql}"
        if OF_A_LOG.match(sql) and not any("created_at>?" in step for step in plan):  # what is of late may be sorted
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, sql


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_a_long_room_takes_no_more_steps(name: str, places: list[Place]) -> None:
    short, long = (steps({**READS, **WRITES}[name], place) for place in places)
    assert long <= 1.1 * short


def plans(call: Callable[[], object]) -> list[tuple[str, list[str]]]:
    """What is asked, and how SQLite goes about it."""
    found: list[tuple[str, list[str]]] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params[0] if many else params)
                found.append((sql, [step for _, _, _, step in cursor.fetchall()]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        call()
    assert found
    return found


def log_indexes() -> set[str]:
    """The indexes of messages and changes."""
    tables = [Message._meta.db_table, Change._meta.db_table]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name IN (%s, %s)", tables)
        return {name for (name,) in cursor.fetchall()}


def steps(call: Callable[[Place], object], place: Place) -> int:
    """How many instructions SQLite carries out."""
    count = 0

    def counted() -> int:
        nonlocal count
        count += 1
        return 0

    connection.connection.set_progress_handler(counted, 1)
    try:
        call(place)
    finally:
        connection.connection.set_progress_handler(None, 0)
    return count
