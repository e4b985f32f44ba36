"""Writing: numbers, batches, forms, keys, what is rung, and what a database in trouble does."""

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext, override_settings

from chatcore import events, history, services
from chatcore.bell import Batch
from chatcore.database import NotMigrated
from chatcore.events import Delete, Edit
from chatcore.exceptions import (
    BadRequest,
    BadText,
    ChatError,
    Empty,
    Forbidden,
    KeyReused,
    MessageNotFound,
    RoomArchived,
    RoomNotFound,
    TooLong,
    Unavailable,
)
from chatcore.history import RoomView
from chatcore.models import Change, Message, Room, Sanction
from chatcore.permissions import SYSTEM, Actor, bot
from chatcore.services import Post, Posted
from tests.integration.conftest import Elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


def posted(result: Posted | ChatError) -> events.Message:
    assert isinstance(result, Posted), result
    return result.message


def say(room: str, *texts: str, actor: Actor = SYSTEM) -> list[events.Message]:
    return [posted(result) for result in services.post_messages([Post(room, text, actor) for text in texts])]


def refusal(post: Post) -> ChatError:
    """Why this post is refused; nothing of it is stored."""
    before = Message.objects.count()
    (result,) = services.post_messages([post])
    assert isinstance(result, ChatError), result
    assert Message.objects.count() == before
    return result


class Rung(list[Batch]):
    """An `announce` that keeps what it was given, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __call__(self, batches: Sequence[Batch]) -> None:
        self.calls += 1
        self.extend(batches)


# Numbers


def test_messages_are_numbered_from_one_and_each_takes_a_rev(newbox: RoomView) -> None:
    messages = say("newbox", "a", "b", "c")
    assert [(message.seq, message.rev) for message in messages] == [(1, 1), (2, 2), (3, 3)]
    room = history.room_named("newbox")
    assert (room.last_seq, room.head, room.floor) == (3, 3, 0)


def test_a_room_is_found_in_any_spelling_and_named_as_it_was_created(transactional_db: None) -> None:
    services.create_room("NewBox")
    (message,) = say("ＮＥＷＢＯＸ", "hi")
    assert message.room == "NewBox"


def test_threads_that_post_at_once_leave_no_hole_and_no_repeat(transactional_db: None) -> None:
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


# Batches


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


def test_data_that_the_database_refuses_fails_alone(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER no_curses BEFORE INSERT ON chatcore_message WHEN NEW.text = 'curse' "
            "BEGIN SELECT RAISE(ABORT, 'no curses here'); END"
        )
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
            cursor.execute("DROP TRIGGER no_curses")
    assert [message.message for message in history.messages_after(newbox.id, 0, 10)] == ["a", "b", "d", "e"]
    assert [message.seq for message in history.messages_after(newbox.id, 0, 10)] == [1, 2, 3, 4]
    assert history.room_named("newbox").head == 4


# Forms


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", Empty), ("   \n\t", Empty), ("\u2028", Empty), ("x" * 4001, TooLong), ("\U0001f389" * 4001, TooLong),
        ("a\0b", BadText), ("a\ud800b", BadText), ("\udcff", BadText),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_a_message_is_refused(newbox: RoomView, text: str, error: type[ChatError]) -> None:
    assert type(refusal(Post("newbox", text))) is error


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4000, "\U0001f389" * 4000, "a\r\nb\x1b[31m\x07\x08", "\u202egnp.exe", "z" + "\u0301" * 1000, "'); DROP",
        "{{7*7}} %s{0}$(x)", "<img src=x onerror=alert(1)>", "a\u2028b\x85c\x7f", "--help",
    ],
)  # fmt: skip
def test_any_other_text_is_kept_as_it_is(newbox: RoomView, text: str) -> None:
    say("newbox", text)
    assert history.messages_after(newbox.id, 0, 1)[0].message == text


def test_a_room_s_own_limit_counts(transactional_db: None) -> None:
    services.create_room("short", max_length=5)
    services.create_room("long", max_length=10_000)
    say("short", "12345")
    say("long", "x" * 10_000)
    error = refusal(Post("short", "123456"))
    assert str(error) == "the message has 6 characters, the limit is 5: shorten it"


@override_settings(CHAT_MAX_LENGTH=3)
def test_the_site_s_limit_counts(newbox: RoomView) -> None:
    say("newbox", "123")
    assert isinstance(refusal(Post("newbox", "1234")), TooLong)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "shout"}, "no kind shout: one of announcement, banner, message, notice"),
        ({"format": "html"}, "no format html: one of code, markdown, text"),
        ({"priority": 0}, "no priority 0: 1 (min) to 5 (max)"),
        ({"priority": 6}, "no priority 6"),
        ({"reply_to": 0}, "there is no message #0 in newbox to reply to"),
        ({"reply_to": -1}, "there is no message #-1 in newbox"),
        ({"reply_to": 2}, "there is no message #2 in newbox"),
        ({"reply_to": 2**63}, "there is no message #9223372036854775808"),
        ({"key": ""}, "the key is empty"),
        ({"key": "k" * 256}, "the key has 256 characters, the limit is 255"),
        ({"key": "k\0"}, "the key holds a NUL"),
        ({"key": "\udcff"}, "the key is not valid Unicode"),
        ({"title": " "}, "the title is empty"),
        ({"title": "t" * 201}, "the title has 201 characters, the limit is 200"),
        ({"tags": ("ok", "\ud800")}, "a tag is not valid Unicode"),
        ({"tags": ("",)}, "a tag is empty"),
        ({"url": "https://example.org/\0"}, "the link holds a NUL"),
        ({"slot": "s" * 101}, "the slot has 101 characters, the limit is 100"),
        ({"actor": bot("")}, "the name is empty"),
        ({"actor": bot("b" * 151)}, "the name has 151 characters, the limit is 150"),
        ({"actor": bot("\udcff")}, "the name is not valid Unicode"),
        ({"expires_at": datetime(2030, 1, 1)}, "the time of expiry has no time zone"),  # noqa: DTZ001
    ],
)
def test_an_attribute_of_the_wrong_form_is_refused_by_name(
    newbox: RoomView, fields: dict[str, object], named: str
) -> None:
    say("newbox", "first")
    assert named in str(refusal(Post("newbox", "x", **fields)))  # type: ignore[arg-type]  # checked by the test


def test_a_reply_names_an_earlier_message_of_the_same_batch_too(newbox: RoomView) -> None:
    results = services.post_messages([Post("newbox", "question"), Post("newbox", "answer", reply_to=1)])
    assert posted(results[1]).reply_to == 1
    assert history.messages_after(newbox.id, 1, 1)[0].reply_to == 1


@pytest.mark.parametrize("name", ["", "nowhere", "new\0box", "new\ud800box", "x" * 10_000, "../newbox"])
def test_a_room_that_cannot_be_is_no_room(newbox: RoomView, name: str) -> None:
    assert isinstance(refusal(Post(name, "x")), RoomNotFound)


def test_an_unknown_room_names_a_near_one(newbox: RoomView) -> None:
    assert str(refusal(Post("newbx", "x"))) == "no room newbx; did you mean newbox?"


def test_a_private_room_reads_like_an_unknown_one_to_who_is_no_member(
    newbox: RoomView, people: dict[str, Actor]
) -> None:
    services.create_room("NewBoxes", private=True, members=["alice"])
    say("NewBoxes", "hush", actor=people["alice"])
    assert str(refusal(Post("newboxes", "x", people["bob"]))) == "no room newboxes; did you mean newbox?"
    for seq in (1, 99):
        with pytest.raises(RoomNotFound, match=r"^no room newboxes; did you mean newbox\?$"):
            services.edit_message("newboxes", seq, "x", people["bob"])
        with pytest.raises(RoomNotFound, match=r"^no room newboxes; did you mean newbox\?$"):
            services.delete_message("newboxes", seq, people["bob"])


def test_roles_mutes_and_bans_of_the_database_count(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("news", announce_only=True, owner="alice", members=["bob"])
    say("news", "hear, hear", actor=people["alice"])
    assert isinstance(refusal(Post("news", "x", people["bob"])), Forbidden)
    Sanction.objects.create(user_id=people["bob"].id, user_name="bob", kind="mute")
    assert "muted" in str(refusal(Post("newbox", "x", people["bob"])))
    Sanction.objects.create(user_id=people["carol"].id, user_name="carol", kind="ban")
    assert "banned" in str(refusal(Post("newbox", "x", people["carol"])))
    Sanction.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))
    say("newbox", "back again", actor=people["bob"])
    Room.objects.filter(name="newbox").update(archived_at=datetime.now(UTC))
    assert isinstance(refusal(Post("newbox", "x")), RoomArchived)


# Keys


def test_a_repeat_returns_the_first_message(newbox: RoomView, people: dict[str, Actor]) -> None:
    post = Post("newbox", "once", people["alice"], key="k", source="web")
    (first,) = services.post_messages([post])
    rung = Rung()
    (again,) = services.post_messages([post], announce=rung)
    assert isinstance(again, Posted)
    assert again.duplicate
    assert again.message == posted(first)
    assert rung.calls == 0
    assert Message.objects.count() == 1


def test_a_repeat_after_an_edit_returns_the_message_as_it_is_now(newbox: RoomView) -> None:
    post = Post("newbox", "once", key="k")
    services.post_messages([post])
    services.edit_message("newbox", 1, "changed", SYSTEM)
    (again,) = services.post_messages([post])
    assert isinstance(again, Posted)
    assert (again.duplicate, again.message.message) == (True, "changed")


@pytest.mark.parametrize(
    "fields", [{"text": "other"}, {"title": "t"}, {"priority": 4}, {"tags": ("t",)}, {"kind": "notice"}]
)
def test_a_key_with_other_content_is_refused_and_names_the_message(
    newbox: RoomView, fields: dict[str, object]
) -> None:
    services.post_messages([Post("newbox", "before"), Post("newbox", "once", key="k")])
    error = refusal(Post(**({"room": "newbox", "text": "once", "key": "k"} | fields)))  # type: ignore[arg-type]
    assert isinstance(error, KeyReused)
    assert (error.key, error.seq) == ("k", 2)


def test_a_key_is_of_one_room_and_one_author(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("ops")
    posts = [
        Post("newbox", "x", people["alice"], key="k"), Post("newbox", "y", people["bob"], key="k"),
        Post("ops", "z", people["alice"], key="k"), Post("newbox", "cli", key="k", key_scope="cli"),
        Post("newbox", "code", key="k"),
    ]  # fmt: skip
    results = services.post_messages(posts)
    assert [isinstance(result, Posted) and not result.duplicate for result in results] == [True] * 5
    assert Message.objects.count() == 5


def test_a_repeat_within_one_batch_is_stored_once(newbox: RoomView) -> None:
    batch = [Post("newbox", "a", key="k"), Post("newbox", "b"), Post("newbox", "a", key="k"), Post("newbox", "c", key="k")]
    results = services.post_messages(batch)
    assert [type(result) for result in results] == [Posted, Posted, Posted, KeyReused]
    third = results[2]
    assert isinstance(third, Posted)
    assert third.duplicate
    assert third.message == posted(results[0])
    assert history.room_named("newbox").last_seq == 2


def test_the_same_key_from_many_threads_is_one_message(newbox: RoomView) -> None:
    def repeat(_: int) -> Posted | ChatError:
        try:
            return services.post_messages([Post("newbox", "once", key="k")])[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(repeat, range(24)))
    assert [isinstance(result, Posted) and result.duplicate for result in results].count(False) == 1
    assert {posted(result).seq for result in results} == {1}


def test_only_a_page_s_own_key_is_shown_as_its_client_id(newbox: RoomView, people: dict[str, Actor]) -> None:
    results = services.post_messages(
        [
            Post("newbox", "page", people["alice"], source="web", key="c-1"),
            Post("newbox", "command", key="secret", key_scope="cli", source="cli"),
            Post("newbox", "code", people["alice"], key="secret-2"),
        ]
    )
    assert [posted(result).client_id for result in results] == ["c-1", None, None]
    assert [message.client_id for message in history.messages_after(newbox.id, 0, 3)] == ["c-1", None, None]


# Editing and deleting


def test_an_edit_is_an_event_of_its_own(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "helo", "next", actor=people["alice"])
    rung = Rung()
    edit = services.edit_message("newbox", 1, "hello", people["alice"], announce=rung)
    assert isinstance(edit, Edit)
    assert (edit.seq, edit.rev, edit.message, edit.username) == (1, 3, "hello", "Alice")
    assert edit.edited_at is not None
    assert edit.change_id != edit.id
    room = history.room_named("newbox")
    assert (room.last_seq, room.head) == (2, 3)
    row = Message.objects.get(seq=1)
    assert (row.rev, row.text) == (1, "hello")
    change = Change.objects.get()
    assert (change.rev, change.seq, change.kind, change.by) == (3, 1, "edit", f"user:{people['alice'].id}")
    assert [(batch.prev, batch.head, list(batch.payloads)) for batch in rung] == [(2, 3, [events.encode(edit)])]


def test_a_deletion_empties_the_text_and_keeps_the_number(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "secret", title="T", tags=("t",), slot="s", key="k")])
    delete = services.delete_message("newbox", 1, SYSTEM)
    assert isinstance(delete, Delete)
    assert (delete.seq, delete.rev, delete.deleted, delete.message, delete.title) == (1, 2, True, "", None)
    assert (delete.tags, delete.slot) == ([], None)
    row = Message.objects.get()
    assert (row.seq, row.rev, row.text, row.extra, row.slot) == (1, 1, "", None, None)
    assert row.deleted_at is not None
    (after,) = say("newbox", "next")
    assert (after.seq, after.rev) == (2, 3)


def test_what_was_deleted_stays_so(newbox: RoomView) -> None:
    say("newbox", "x")
    services.delete_message("newbox", 1, SYSTEM)
    with pytest.raises(Forbidden, match="message #1 was deleted already"):
        services.delete_message("newbox", 1, SYSTEM)
    with pytest.raises(Forbidden, match="message #1 was deleted"):
        services.edit_message("newbox", 1, "back", SYSTEM)
    assert history.room_named("newbox").head == 2


@pytest.mark.parametrize("seq", [0, -1, 2, 2**63 - 1])
def test_a_number_that_is_no_message_s_is_not_found(newbox: RoomView, seq: int) -> None:
    say("newbox", "x")
    with pytest.raises(MessageNotFound, match=f"no message newbox #{seq}"):
        services.edit_message("newbox", seq, "y", SYSTEM)
    with pytest.raises(MessageNotFound):
        services.delete_message("newbox", seq, SYSTEM)


def test_an_edit_obeys_the_rules_of_texts_and_of_people(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "mine", actor=people["alice"])
    refusals: list[tuple[str, Actor, type[ChatError]]] = [
        ("", people["alice"], Empty), ("x" * 4001, people["alice"], TooLong), ("\0", people["alice"], BadText),
        ("x", people["bob"], Forbidden), ("x", people["sam"], Forbidden), ("x", SYSTEM, Forbidden),
    ]  # fmt: skip
    for text, actor, error in refusals:
        with pytest.raises(error):
            services.edit_message("newbox", 1, text, actor)
    with pytest.raises(Forbidden):
        services.delete_message("newbox", 1, people["bob"])
    assert not Change.objects.exists()
    assert Message.objects.get().text == "mine"
    services.delete_message("newbox", 1, people["sam"])


def test_read_marks_only_move_forward(newbox: RoomView, people: dict[str, Actor]) -> None:
    alice, bob = people["alice"].id, people["bob"].id
    services.save_read_marks({(newbox.id, alice): 5, (newbox.id, bob): 2})
    services.save_read_marks({(newbox.id, alice): 3, (newbox.id, bob): 4})
    services.save_read_marks({})
    marks = Room.objects.get().read_marks.values_list("user_id", "seq")
    assert dict(marks) == {alice: 5, bob: 4}


# Transactions


def test_a_post_within_a_transaction_is_announced_when_that_commits(newbox: RoomView) -> None:
    rung = Rung()
    with transaction.atomic():
        (result,) = services.post_messages([Post("newbox", "x")], announce=rung)
        assert posted(result).seq == 1
        assert rung.calls == 0
    assert (rung.calls, [batch.head for batch in rung]) == (1, [1])


def test_a_post_within_a_transaction_that_is_rolled_back_never_was(newbox: RoomView) -> None:
    rung = Rung()
    with pytest.raises(RuntimeError), transaction.atomic():
        services.post_messages([Post("newbox", "x")], announce=rung)
        services.post_messages([Post("newbox", "y")], announce=rung)
        raise RuntimeError
    assert rung.calls == 0
    assert not Message.objects.exists()
    assert history.room_named("newbox").head == 0
    assert [message.seq for message in say("newbox", "z")] == [1]


def test_a_rolled_back_part_of_a_transaction_is_not_announced(newbox: RoomView) -> None:
    rung = Rung()
    with transaction.atomic():
        services.post_messages([Post("newbox", "kept")], announce=rung)
        with pytest.raises(RuntimeError), transaction.atomic():
            services.post_messages([Post("newbox", "lost")], announce=rung)
            raise RuntimeError
        services.post_messages([Post("newbox", "kept too")], announce=rung)
    assert [(batch.prev, batch.head) for batch in rung] == [(0, 1), (1, 2)]
    assert [message.message for message in history.messages_after(newbox.id, 0, 9)] == ["kept", "kept too"]


def test_outside_a_transaction_it_is_durable_before_it_is_announced(newbox: RoomView, elsewhere: Elsewhere) -> None:
    seen: list[int] = []

    def look(batches: Sequence[Batch]) -> None:
        assert not connection.in_atomic_block
        seen.append(elsewhere(Message.objects.count))

    services.post_messages([Post("newbox", "x")], announce=look)
    services.edit_message("newbox", 1, "y", SYSTEM, announce=look)
    assert seen == [1, 1]


def test_sqlite_waits_for_the_disk_at_each_commit(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        modes = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]


# A database in trouble


def database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def test_a_database_that_stays_locked_is_unavailable_in_time_and_stores_nothing(newbox: RoomView) -> None:
    rung = Rung()
    with closing(sqlite3.connect(database_file(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: services.post_messages([Post("newbox", "x")], announce=rung, timeout=0.2),
            lambda: services.edit_message("newbox", 1, "x", SYSTEM, announce=rung, timeout=0.2),
            lambda: services.create_room("ops", timeout=0.2),
        ):
            with pytest.raises(Unavailable, match="locked by another program: nothing was stored, try again"):
                write()
        other.execute("ROLLBACK")
    assert rung.calls == 0
    assert not Message.objects.exists()
    assert [message.seq for message in say("newbox", "x")] == [1]


def test_a_lock_that_is_given_back_in_time_only_delays(newbox: RoomView) -> None:
    locked, waiting = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database_file(), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            waiting.wait(10)
            other.execute("COMMIT")

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        locked.wait(10)
        threading.Timer(0.1, waiting.set).start()
        assert [message.seq for message in say("newbox", "x")] == [1]
        assert waiting.is_set()
        holding.result()


def test_the_deadline_counts_for_those_who_take_turns_too(newbox: RoomView) -> None:
    from chatcore.services.turnstile import turn

    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with turn(time.monotonic() + 10):
            taken.set()
            done.wait(10)
        connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        taken.wait(10)
        with pytest.raises(Unavailable, match="other programs keep the database busy: nothing was stored"):
            services.post_messages([Post("newbox", "x")], timeout=0.1)
        done.set()
        holding.result()
    say("newbox", "x")


def test_a_database_that_cannot_be_written_says_so(newbox: RoomView) -> None:
    connection.ensure_connection()
    connection.connection.execute("PRAGMA query_only = 1")
    try:
        with pytest.raises(Unavailable, match=r"cannot be written \(attempt to write a readonly database\): give"):
            services.post_messages([Post("newbox", "x")])
    finally:
        connection.connection.execute("PRAGMA query_only = 0")
    assert not Message.objects.exists()


def test_a_full_disk_stores_nothing_and_heals(newbox: RoomView) -> None:
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages + 20}")
    try:
        with pytest.raises(Unavailable, match=r"the disk is full .*: free some space and try again"):
            services.post_messages([Post("newbox", "x" * 4000) for _ in range(100)])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert not Message.objects.exists()
    assert [message.seq for message in say("newbox", "x")] == [1]


def test_a_database_without_tables_says_how_to_make_them(newbox: RoomView) -> None:
    table = Message._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO hidden")
    try:
        with pytest.raises(NotMigrated, match=r"no such table: chatcore_message\): run python manage.py migrate"):
            services.post_messages([Post("newbox", "x")])
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE hidden RENAME TO {table}")
    say("newbox", "x")
