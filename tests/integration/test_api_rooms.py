"""Rooms, members, presence and the token itself over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import services
from chatcore.actors import SYSTEM, Actor
from chatcore.history import RoomView
from chatcore.models import Lease, Presence
from tests.integration.api import asked, made_token
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rooms() -> None:
    """ops-db, ops-net (announcements), ops-old (archived), newbox and a private ops-secret."""
    services.create_room("newbox", title="The new box", topic="Everything")
    services.create_room("ops-DB")
    services.create_room("ops-net", announce_only=True)
    services.create_room("ops-old")
    services.archive_room("ops-old", SYSTEM)
    services.create_room("ops-secret", private=True)


@pytest.mark.usefixtures("rooms")
def test_rooms_are_those_that_the_token_may_see() -> None:
    def seen(*globs: str, query: str = "") -> list[str]:
        token = made_token(*globs, name=f"{globs} {query}".strip())
        (told,) = asked(("GET", "rooms", None, {"query": query}), token=token)
        return [room["name"] for room in told.json["rooms"]]

    assert seen("*") == ["newbox", "ops-DB", "ops-net"]
    assert seen("ops-*", query="archived=true") == ["ops-DB", "ops-net", "ops-old"]
    assert seen("ops-*", "ops-secret") == ["ops-DB", "ops-net", "ops-secret"]
    assert seen("nothing-*") == []
    (told,) = asked(("GET", "rooms", None, {"query": "archived=1"}), local=True)
    assert len(told.json["rooms"]) == 5


@pytest.mark.usefixtures("rooms")
def test_a_room_says_what_it_is() -> None:
    say("newbox", "a", "b")
    services.edit_message("newbox", 1, "A", SYSTEM)
    one, all_ = asked(("GET", "rooms/NEWbox", None), ("GET", "rooms", None), token=made_token("newbox"))
    room = one.json
    assert all_.json["rooms"] == [room]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(room.pop("created_at"))) < timedelta(hours=1)
    assert len(room.pop("epoch")) == 32
    assert room == {
        "name": "newbox", "key": "newbox", "title": "The new box", "topic": "Everything", "private": False,
        "announce_only": False, "archived": False, "head": 3, "floor": 0, "last_seq": 2, "members": 0,
        "can_post": True,
    }  # fmt: skip


@pytest.mark.usefixtures("rooms")
def test_a_room_says_whether_this_token_may_post_there() -> None:
    reader, writer = made_token("ops-*", name="reader", can=["read"]), made_token("ops-*", name="writer")
    paths = [("GET", f"rooms/{name}", None) for name in ("ops-db", "ops-net", "ops-old")]
    assert [told.json["can_post"] for told in asked(*paths, token=reader)] == [False, False, False]
    assert [told.json["can_post"] for told in asked(*paths, token=writer)] == [True, True, False]
    assert [told.json["can_post"] for told in asked(*paths, local=True)] == [True, True, False]


def test_members_have_the_names_that_people_see(newbox: RoomView, people: dict[str, Actor]) -> None:
    for name, role in (("bob", "member"), ("alice", "owner"), ("carol", "moderator"), ("sam", "member")):
        services.add_member("newbox", name, role, SYSTEM)
    User.objects.filter(username="sam").delete()
    (told,) = asked(("GET", "rooms/newbox/members", None), token=made_token("newbox"))
    assert told.json == {
        "room": "newbox",
        "members": [
            {"name": "alice", "username": "Alice", "role": "owner"},
            {"name": "carol", "username": "Carol", "role": "moderator"},
            {"name": "bob", "username": "Bob", "role": "member"},
            {"name": "sam", "username": "sam", "role": "member"},
        ],
    }


def test_presence_is_who_is_there_on_any_server(newbox: RoomView, people: dict[str, Actor]) -> None:
    token = made_token("newbox")
    (told,) = asked(("GET", "rooms/newbox/presence", None), token=token)
    assert told.json == {"room": "newbox", "count": 0, "people": []}
    lease = Lease.objects.create(server="1", version=1, until=timezone.now() + timedelta(hours=1))
    for name in ("bob", "alice"):
        who = people[name]
        Presence.objects.create(
            lease=lease, room_id=newbox.id, user_id=who.id, user_name=who.name, username=who.username
        )
    (told,) = asked(("GET", "rooms/newbox/presence", None), token=token)
    assert (told.json["count"], [person["username"] for person in told.json["people"]]) == (2, ["Alice", "Bob"])
    assert told.json["people"][0] == {"id": people["alice"].id, "name": "alice", "username": "Alice"}


def test_a_token_can_ask_what_it_may(newbox: RoomView) -> None:
    until = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
    full = made_token("newbox", "ops-*", name="full", expires_at=until, rate="1/s burst 5")
    (told,) = asked(("GET", "token", None), token=full)
    assert told.json == {
        "name": "full", "type": "token", "rooms": ["newbox", "ops-*"], "can": ["read", "send"],
        "expires_at": "2099-01-02T03:04:05Z", "rate": "1/s burst 5",
    }  # fmt: skip
    (told,) = asked(("GET", "token", None), token=made_token("newbox", name="sender", can=["send"]))
    assert (told.json["can"], told.json["rate"], told.json["expires_at"]) == (["send"], "10/s burst 50", None)
    (told,) = asked(("GET", "token", None), local=True)
    assert (told.json["type"], told.json["rate"]) == ("system", "off")
    (told,) = asked(("GET", "token", None))
    assert told.status == 401
