"""Posting: numbers without a hole, batches, and what is rung."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from chatcore import events, history, services
from chatcore.actors import SYSTEM, Actor, bot
from chatcore.exceptions import (
    BadRequest,
    Empty,
    Forbidden,
    RoomNotFound,
    TooLong,
)
from chatcore.history import RoomView
from chatcore.models import Message
from chatcore.services import Post, Posted
from tests.integration.writing import Rung, posted, say

pytestmark = pytest.mark.django_db(transaction=True)


def test_messages_are_numbered_from_one_and_each_takes_a_rev(newbox: RoomView) -> None:
    messages = say("newbox", "a", "b", "c")
    assert [(message.seq, message.rev) for message in messages] == [(1, 1), (2, 2), (3, 3)]
    room = history.room_named("newbox")
    assert (room.last_seq, room.head, room.floor) == (3, 3, 0)


def test_a_room_is_found_in_any_spelling_and_named_as_it_was_created() -> None:
    services.create_room("NewBox")
    (message,) = say("ＮＥＷＢＯＸ", "hi")
    assert message.room == "NewBox"


def test_threads_that_post_at_once_leave_no_hole_and_no_repeat() -> None:
    rooms = [services.create_room(name).room for name in ("one", "two", "three")]

    def post_thirty(thread: int) -> None:
        try:
            for number in range(30):
                say(rooms[(thread + number) % 3].name, f"{thread}:{number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(post_thirty, range(8)))
    texts: Counter[str] = Counter()
    for room in rooms:
        messages = history.messages_after(room.id, 0, 1000)
        assert [message.seq for message in messages] == list(range(1, 81))
        assert [message.rev for message in messages] == list(range(1, 81))
        assert history.room_named(room.name).last_seq == 80
        texts.update(message.message for message in messages)
    assert texts == Counter({f"{thread}:{number}": 1 for thread in range(8) for number in range(30)})


def test_the_announced_events_are_those_of_the_log_byte_by_byte(newbox: RoomView, people: dict[str, Actor]) -> None:
    rung = Rung()
    say("newbox", "first")
    everything = Post(
        "newbox", "text\n\u2028 'quoted' \U0001f389", people["alice"], kind="message", source="web", key="k",
        title="A title", priority=5, tags=("a", "b"), format="markdown", url="https://example.org/x", reply_to=1,
        slot="build", expires_at=datetime(2030, 1, 1, 12, 30, 5, 123456, tzinfo=UTC),
    )  # fmt: skip
    ring_of_all = [everything, Post("newbox", "plain"), Post("newbox", "from a bot", bot("CI"), kind="notice")]
    services.post_messages(ring_of_all, announce=rung)
    services.edit_message("newbox", 3, "edited", SYSTEM, announce=rung)
    services.delete_message("newbox", 4, SYSTEM, announce=rung)
    announced = [payload for batch in rung for payload in batch.payloads]
    stored = history.events_after(newbox.id, 1, 10).payloads
    assert announced[0] == stored[0]
    assert announced[3:] == stored[3:]
    assert json.loads(stored[1])["message"] == "edited", "a replayed message carries its present text"
    assert json.loads(stored[2]) | {"message": "from a bot", "deleted": False} == json.loads(announced[2])


def test_what_is_refused_does_not_keep_the_others_of_its_batch(newbox: RoomView, people: dict[str, Actor]) -> None:
    batch = [
        Post("newbox", "one"), Post("newbx", "x"), Post("newbox", ""), Post("newbox", "two"),
        Post("newbox", "x", people["bob"], kind="banner"), Post("newbox", "x" * 5000), Post("newbox", "three"),
    ]  # fmt: skip
    results = services.post_messages(batch)
    assert [type(result) for result in results] == [Posted, RoomNotFound, Empty, Posted, Forbidden, TooLong, Posted]
    assert [message.message for message in history.messages_after(newbox.id, 0, 10)] == ["one", "two", "three"]
    assert [message.seq for message in history.messages_after(newbox.id, 0, 10)] == [1, 2, 3]


def test_together_is_all_or_nothing(newbox: RoomView) -> None:
    services.create_room("ops")
    rung = Rung()
    with pytest.raises(TooLong):
        services.post_messages(
            [Post("newbox", "a"), Post("ops", "x" * 4001), Post("ops", "")], together=True, announce=rung
        )
    assert not Message.objects.exists()
    assert rung.calls == 0
    results = services.post_messages([Post("newbox", "a"), Post("ops", "b")], together=True, announce=rung)
    assert [posted(result).room for result in results] == ["newbox", "ops"]


def test_a_batch_is_announced_once_with_one_batch_a_room(newbox: RoomView) -> None:
    ops = services.create_room("ops").room
    say("newbox", "before")
    rung = Rung()
    texts = [Post(("newbox", "ops")[number % 2], str(number)) for number in range(20)]
    services.post_messages([*texts, Post("newbox", "")], announce=rung)
    assert rung.calls == 1
    assert {(batch.room_id, batch.prev, batch.head) for batch in rung} == {(newbox.id, 1, 11), (ops.id, 0, 10)}
    assert {batch.epoch for batch in rung} == {newbox.epoch, ops.epoch}
    for batch in rung:
        revs = [events.decode_event(payload).rev for payload in batch.payloads]
        assert revs == list(range(batch.prev + 1, batch.head + 1))


def test_a_batch_of_refusals_announces_nothing(newbox: RoomView) -> None:
    rung = Rung()
    services.post_messages([Post("newbox", ""), Post("nowhere", "x")], announce=rung)
    assert rung.calls == 0


def test_no_posts_are_no_work() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert services.post_messages([]) == []
    assert len(queries) == 0


def test_the_number_of_queries_does_not_depend_on_the_number_of_posts(
    newbox: RoomView, people: dict[str, Actor]
) -> None:
    def queries_for(count: int, prefix: str) -> int:
        posts = [Post("newbox", "x", people[("alice", "bob")[n % 2]], key=f"{prefix}{n}") for n in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert all(isinstance(result, Posted) for result in services.post_messages(posts))
        return len(queries)

    assert queries_for(1, "a") == queries_for(200, "b")


#: A database that refuses a text, and that no longer does.
NO_CURSES = {
    "sqlite": "CREATE TRIGGER no_curses BEFORE INSERT ON chatcore_message WHEN NEW.text = 'curse' "
    "BEGIN SELECT RAISE(ABORT, 'no curses here'); END",
    "postgresql": "ALTER TABLE chatcore_message ADD CONSTRAINT \"no curses here\" CHECK (text <> 'curse')",
}
CURSES = {
    "sqlite": "DROP TRIGGER no_curses",
    "postgresql": 'ALTER TABLE chatcore_message DROP CONSTRAINT "no curses here"',
}


def test_data_that_the_database_refuses_fails_alone(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NO_CURSES[connection.vendor])
    try:
        rung = Rung()
        results = services.post_messages([Post("newbox", text) for text in ("a", "curse", "b")], announce=rung)
        assert [type(result) for result in results] == [Posted, BadRequest, Posted]
        assert "no curses here" in str(results[1])
        assert [posted(results[0]).seq, posted(results[2]).seq] == [1, 2]
        assert [(batch.prev, batch.head) for batch in rung] == [(0, 1), (1, 2)]
        with pytest.raises(BadRequest):
            services.post_messages([Post("newbox", "c"), Post("newbox", "curse")], together=True)
        with pytest.raises(BadRequest):
            services.post_messages([Post("newbox", "curse")])
        with transaction.atomic():
            results = services.post_messages([Post("newbox", text) for text in ("d", "curse", "e")])
            assert [type(result) for result in results] == [Posted, BadRequest, Posted]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(CURSES[connection.vendor])
    assert [message.message for message in history.messages_after(newbox.id, 0, 10)] == ["a", "b", "d", "e"]
    assert [message.seq for message in history.messages_after(newbox.id, 0, 10)] == [1, 2, 3, 4]
    assert history.room_named("newbox").head == 4


@pytest.mark.parametrize(
    "post",
    [
        Post("newbox", "x", expires_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))),
        Post("newbox", "x", lifetime=timedelta.max),
    ],
)
def test_a_time_of_expiry_that_nobody_could_read_is_refused(newbox: RoomView, post: Post) -> None:
    good = Post("newbox", "good")
    _, refused, _ = services.post_messages([good, post, good])
    assert isinstance(refused, BadRequest)
    assert "after the year 9999" in str(refused)
    assert [message.message for message in history.messages_after(newbox.id, 0, 9)] == ["good", "good"]
