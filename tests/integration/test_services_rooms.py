"""Making rooms, and changing what they are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from chatcore import history, services
from chatcore.actors import GUEST, Actor
from chatcore.exceptions import BadRequest, BadRoomName, Forbidden, NotSignedIn, RoomExists, UserNotFound
from chatcore.models import Membership, Room, Sanction
from chatcore.services.rooms import FOREVER

pytestmark = pytest.mark.django_db


def roles(room: str) -> dict[str, str]:
    return dict(Membership.objects.filter(room__name=room).values_list("user_name", "role"))


def test_a_new_room_is_public_empty_and_keeps_everything() -> None:
    made = services.create_room("newbox")
    assert (made.name, made.outcome) == ("newbox", "created")
    room = made.room
    assert (room.title, room.topic, room.private, room.announce_only, room.archived) == ("", "", False, False, False)
    assert (room.last_seq, room.head, room.floor, room.member_count) == (0, 0, 0, 0)
    assert (room.retention, room.max_length) == (None, None)
    assert len(room.epoch) == 32
    assert room == history.room_named("newbox")


@pytest.mark.parametrize("kind", ["mute", "ban"])
def test_who_is_muted_or_banned_makes_no_room(people: dict[str, Actor], settings: object, kind: str) -> None:
    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    Sanction.objects.create(user_id=people["alice"].id, user_name="alice", kind=kind)
    with pytest.raises(Forbidden):
        services.create_room("newbox", title="What I may not say", owner="alice", actor=people["alice"])
    assert not Room.objects.exists()


def test_a_room_is_what_was_asked_for(people: dict[str, Actor]) -> None:
    room = services.create_room(
        "ops", title="Operations", topic="Nightly jobs", private=True, announce_only=True, owner="alice",
        members=["bob", "carol"], retention=timedelta(days=30), max_length=500,
    ).room  # fmt: skip
    assert (room.title, room.topic, room.private, room.announce_only) == ("Operations", "Nightly jobs", True, True)
    assert (room.retention, room.max_length, room.member_count) == (timedelta(days=30), 500, 3)
    assert roles("ops") == {"alice": "owner", "bob": "member", "carol": "member"}


def test_who_is_named_as_owner_and_member_is_owner(people: dict[str, Actor]) -> None:
    services.create_room("ops", owner="alice", members=["alice", "bob", "bob"])
    assert roles("ops") == {"alice": "owner", "bob": "member"}


@pytest.mark.parametrize("twin", ["newbox", "NewBox", "ＮＥＷＢＯＸ"])
def test_a_room_that_exists_in_any_spelling_is_refused(twin: str) -> None:
    services.create_room("newbox", title="First")
    with pytest.raises(RoomExists, match="room newbox exists; --if-not-exists leaves it as it is, --update changes it"):
        services.create_room(twin, title="Second")
    assert history.room_named("newbox").title == "First"


def test_an_existing_room_can_be_kept_as_it_is(people: dict[str, Actor]) -> None:
    services.create_room("newbox", title="First", owner="alice")
    kept = services.create_room("NEWBOX", title="Second", private=True, owner="bob", existing="keep")
    assert (kept.name, kept.outcome, kept.room.title, kept.room.private) == ("newbox", "kept", "First", False)
    assert roles("newbox") == {"alice": "owner"}
    assert services.create_room("ops", existing="keep").outcome == "created"


def test_an_update_changes_what_is_given_and_nothing_else(people: dict[str, Actor]) -> None:
    services.create_room("newbox", title="First", topic="Old", private=True, owner="alice", max_length=9)
    changed = services.create_room(
        "newbox", topic="New", announce_only=True, members=["bob"], retention=timedelta(days=1), existing="update"
    )
    room = changed.room
    assert changed.outcome == "updated"
    assert (room.title, room.topic, room.private, room.announce_only) == ("First", "New", True, True)
    assert (room.max_length, room.retention) == (9, timedelta(days=1))
    assert roles("newbox") == {"alice": "owner", "bob": "member"}
    opened = services.create_room("newbox", topic="", private=False, retention=FOREVER, existing="update").room
    assert (opened.topic, opened.private, opened.retention, opened.announce_only) == ("", False, None, True)


def test_an_update_keeps_the_log_and_its_epoch() -> None:
    before = services.create_room("newbox").room
    services.post_messages([services.Post("newbox", "hello")])
    after = services.create_room("newbox", title="T", existing="update").room
    assert (after.id, after.epoch, after.last_seq, after.head) == (before.id, before.epoch, 1, 1)


@pytest.mark.parametrize("name", ["", "a b", "-rf", "..", "x" * 65, "new\0box", "<script>", "party🎉"])
def test_a_bad_name_makes_no_room(name: str) -> None:
    with pytest.raises(BadRoomName):
        services.create_room(name)
    assert not Room.objects.exists()


@pytest.mark.parametrize("field", ["owner", "members"])
@pytest.mark.parametrize("account", ["alcie", "al\0ice", "\udcff", ""])
def test_an_unknown_account_makes_no_room(people: dict[str, Actor], field: str, account: str) -> None:
    given: dict[str, Any] = {field: account if field == "owner" else ["bob", account]}
    with pytest.raises(UserNotFound) as refused:
        services.create_room("newbox", **given)
    assert not Room.objects.exists()
    if account == "alcie":
        assert str(refused.value) == "no user alcie; did you mean alice?"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"title": "t" * 201}, "the title has 201 characters, the limit is 200"),
        ({"topic": "t" * 1001}, "the topic has 1001 characters, the limit is 1000"),
        ({"title": "two\nlines"}, "the title holds control characters or a line break"),
        ({"topic": "\x1b[31mred"}, "the topic holds control characters"),
        ({"title": "\0"}, "the title holds control characters"),
        ({"title": "\ud800"}, "the title holds control characters"),
        ({"title": "\u202egnp"}, "the title holds control characters"),
        ({"max_length": 0}, "the longest message has 1 to 60000 characters"),
        ({"max_length": -5}, "the longest message has 1 to 60000 characters"),
        ({"max_length": 60_001}, "the longest message has 1 to 60000 characters"),
        ({"retention": timedelta(days=36_501)}, "at most 36500 days"),
    ],
)
def test_a_bad_attribute_makes_no_room_and_changes_none(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        services.create_room("newbox", **fields)
    assert not Room.objects.exists()
    before = services.create_room("newbox").room
    with pytest.raises(BadRequest, match=reason):
        services.create_room("newbox", **fields, existing="update")
    assert history.room_named("newbox") == before


def test_who_may_make_rooms_is_the_site_s_choice(people: dict[str, Actor]) -> None:
    with override_settings(CHAT_ROOM_CREATE="staff"):
        with pytest.raises(Forbidden, match="only staff may create rooms here"):
            services.create_room("newbox", actor=people["alice"])
        assert services.create_room("newbox", actor=people["sam"]).outcome == "created"
    with override_settings(CHAT_ROOM_CREATE="users"):
        assert services.create_room("ops", actor=people["alice"]).outcome == "created"
        with pytest.raises(NotSignedIn):
            services.create_room("guests", actor=GUEST)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_make_one_room_at_once_one_has_made_it() -> None:
    def make(number: int) -> str:
        try:
            return services.create_room("newbox", title=str(number), existing="keep").outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(make, range(8)))
    assert sorted(outcomes) == ["created"] + ["kept"] * 7
    assert Room.objects.count() == 1
