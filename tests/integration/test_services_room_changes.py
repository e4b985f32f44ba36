"""Rooms that change: another name, other properties, another epoch, and their end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import BadRequest, BadRoomName, Forbidden, RoomArchived, RoomExists, RoomNotFound, Unavailable
from chatcore.history import RoomView
from chatcore.models import Change, Membership, Message, Presence, ReadMark, Room, Scheduled
from chatcore.services import Post
from chatcore.services.epochs import begin_epoch
from chatcore.services.removing import delete_room
from chatcore.services.renaming import rename_room
from tests.integration.writing import refusal, say

pytestmark = pytest.mark.django_db


def ignore(done: int, of: int) -> None:
    """Nobody looks at how far it is."""


def test_a_renamed_room_is_the_same_room(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "before")
    services.add_member("newbox", "alice", "owner", SYSTEM)
    renamed = rename_room("NEWBOX", "Inbox", SYSTEM)
    assert renamed == history.room_named("inbox")
    assert (renamed.id, renamed.name, renamed.epoch, renamed.head) == (newbox.id, "Inbox", newbox.epoch, 1)
    assert renamed.member_count == 1
    say("inbox", "after")
    assert [(event.room, event.message) for event in history.latest_messages(renamed.id, 5, 9)] == [
        ("Inbox", "before"),
        ("Inbox", "after"),
    ]
    with pytest.raises(RoomNotFound):
        history.room_named("newbox")


def test_the_old_name_is_free_again(newbox: RoomView) -> None:
    rename_room("newbox", "inbox", SYSTEM)
    assert services.create_room("newbox").room.id != newbox.id


@pytest.mark.parametrize("spelling", ["NewBox", "ＮＥＷＢＯＸ", "newbox"])
def test_a_room_may_get_another_spelling_of_its_name(newbox: RoomView, spelling: str) -> None:
    assert rename_room("newbox", spelling, SYSTEM).name == spelling
    assert history.room_named("newbox").id == newbox.id


@pytest.mark.parametrize("taken", ["ops", "OPS", "ＯＰＳ"])
def test_a_name_that_another_room_has_is_refused(newbox: RoomView, taken: str) -> None:
    services.create_room("ops")
    with pytest.raises(RoomExists, match="room ops exists; choose another name") as caught:
        rename_room("newbox", taken, SYSTEM)
    assert caught.value.exit_code == 4
    assert history.room_named("newbox") == newbox


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 65, "a\u202eb"])
def test_a_bad_name_changes_nothing(newbox: RoomView, name: str) -> None:
    with pytest.raises(BadRoomName):
        rename_room("newbox", name, SYSTEM)
    assert history.room_named("newbox") == newbox


CHANGES: list[Callable[[Actor], object]] = [
    lambda actor: rename_room("newbox", "inbox", actor),
    lambda actor: services.set_room("newbox", actor, title="New"),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("who", "role", "error"),
    [
        ("alice", "owner", None),
        ("sam", None, None),
        ("root", None, None),
        ("alice", "moderator", Forbidden),
        ("alice", None, Forbidden),
    ],
)
def test_owners_and_staff_may_change_a_room(
    newbox: RoomView,
    people: dict[str, Actor],
    change: Callable[[Actor], object],
    who: str,
    role: str | None,
    error: type[Exception] | None,
) -> None:
    if role is not None:
        services.add_member("newbox", who, role, SYSTEM)
    if error is None:
        change(people[who])
        assert not Room.objects.filter(name="newbox", title="").exists()
    else:
        with pytest.raises(error, match="only owners and staff"):
            change(people[who])
        assert Room.objects.filter(name="newbox", title="").exists()


@pytest.mark.parametrize("change", CHANGES)
def test_an_archived_room_is_changed_by_staff_only(
    newbox: RoomView, people: dict[str, Actor], change: Callable[[Actor], object]
) -> None:
    services.add_member("newbox", "alice", "owner", SYSTEM)
    services.archive_room("newbox", SYSTEM)
    with pytest.raises(RoomArchived):
        change(people["alice"])
    change(people["sam"])


@pytest.mark.parametrize("change", CHANGES)
def test_to_who_may_not_see_a_room_it_is_an_unknown_one(
    people: dict[str, Actor], change: Callable[[Actor], object]
) -> None:
    services.create_room("newbox", private=True)
    for stranger in ("bob", "sam"):
        with pytest.raises(RoomNotFound):
            change(people[stranger])


def test_what_is_given_is_changed_and_nothing_else(newbox: RoomView) -> None:
    services.set_room("newbox", SYSTEM, topic="Things", private=True, retention=timedelta(days=3), max_length=7)
    changed = services.set_room("newbox", SYSTEM, title="New", announce_only=True)
    assert changed == history.room_named("newbox")
    assert changed == replace(
        newbox, title="New", topic="Things", private=True, announce_only=True, retention=timedelta(days=3), max_length=7
    )


def test_what_was_given_can_be_taken_away(newbox: RoomView) -> None:
    services.set_room("newbox", SYSTEM, title="T", topic="x", retention=timedelta(days=3), max_length=7)
    changed = services.set_room("newbox", SYSTEM, title="", topic="", retention=None, max_length=None)
    assert changed == newbox


@pytest.mark.parametrize(
    "fields", [{"title": "x" * 201}, {"topic": "x" * 1001}, {"title": "a\nb"}, {"max_length": 0}, {"title": "\0"}]
)
def test_a_bad_property_changes_nothing(newbox: RoomView, fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        services.set_room("newbox", SYSTEM, private=True, **fields)
    assert history.room_named("newbox") == newbox


def test_a_new_epoch_is_another_one_and_the_log_stays(newbox: RoomView) -> None:
    say("newbox", "hello")
    epoch = begin_epoch("NewBox")
    assert epoch != newbox.epoch
    assert history.room_named("newbox") == replace(newbox, epoch=epoch, head=1, last_seq=1)
    with pytest.raises(RoomNotFound):
        begin_epoch("other")


#: More than one batch of a deletion takes.
MANY = 300


def full(room: str, people: dict[str, Actor]) -> RoomView:
    """A room with something in every table, and more messages than one batch takes."""
    say(room, *map(str, range(1, MANY + 1)))
    services.delete_message(room, 2, SYSTEM)
    services.add_member(room, "alice", "owner", SYSTEM)
    services.schedule_messages([Post(room, "later", SYSTEM)], timezone.now() + timedelta(hours=1))
    view = history.room_named(room)
    ReadMark.objects.create(room_id=view.id, user_id=people["alice"].id, seq=2, at=timezone.now())
    return view


def rows(room_id: int) -> int:
    """What hangs on a room."""
    tables = (Message, Change, Membership, ReadMark, Scheduled, Presence)
    return sum(table._default_manager.filter(room=room_id).count() for table in tables)


def test_a_deleted_room_leaves_nothing_and_others_stay(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("ops")
    gone, kept = full("newbox", people), full("ops", people)
    told: list[tuple[int, int]] = []
    assert delete_room("NewBox", lambda done, of: told.append((done, of))) == MANY
    assert told[:3] == [(200, MANY + 1), (MANY, MANY + 1), (MANY + 1, MANY + 1)]
    assert told[-1] == (MANY + 1, MANY + 1)
    assert rows(gone.id) == 0
    with pytest.raises(RoomNotFound):
        history.room_named("newbox")
    assert history.room_named("ops") == kept
    assert rows(kept.id) == MANY + 4
    assert services.create_room("newbox").room.id != gone.id


def test_while_a_room_is_deleted_nobody_posts_and_nobody_reads_half_of_it(
    newbox: RoomView, people: dict[str, Actor]
) -> None:
    before = full("newbox", people)
    seen: list[bool] = []

    def look(done: int, of: int) -> None:
        room = history.room_named("newbox")
        assert room.archived
        assert history.latest_messages(room.id, 9, 99) == []
        assert history.events_after(room.id, 0, 9).payloads == []
        assert (room.floor, room.seq_floor) == (before.head, before.last_seq)
        assert isinstance(refusal(Post("newbox", "too late", SYSTEM)), RoomArchived)
        seen.append(True)

    delete_room("newbox", look)
    assert len(seen) == 6


def test_an_interrupted_deletion_is_finished_by_the_next_one(newbox: RoomView, people: dict[str, Actor]) -> None:
    full("newbox", people)

    def lose(done: int, of: int) -> None:
        raise Unavailable("the database is locked")

    with pytest.raises(Unavailable):
        delete_room("newbox", lose)
    assert rows(newbox.id) == MANY - 200 + 4
    assert delete_room("newbox", ignore) == 0
    assert rows(newbox.id) == 0
    assert not Room.objects.filter(pk=newbox.id).exists()


def test_an_unknown_room_is_not_deleted(newbox: RoomView) -> None:
    with pytest.raises(RoomNotFound, match="did you mean newbox"):
        delete_room("newbx", ignore)
