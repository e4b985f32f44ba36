"""The list of rooms as a person sees it: what is new, who is there, and the banner that stands in all of them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import GUEST, SYSTEM, Actor
from chatcore.events import Present
from chatcore.history.presence import present_counts
from chatcore.history.room_list import ListedRoom, common_banner, room_list
from chatcore.models import Membership, Message, Room
from chatcore.services import Post

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def listed(actor: Actor) -> dict[str, ListedRoom]:
    return {found.room.name: found for found in room_list(actor)}


def say(room: str, *texts: str) -> None:
    services.post_messages([Post(room, text) for text in texts])


def read(room: str, actor: Actor, seq: int) -> None:
    services.save_read_marks({(history.room_named(room).id, actor.id): seq})


def test_unread_is_what_came_after_the_read_mark(people: dict[str, Actor]) -> None:
    services.create_room("newbox")
    say("newbox", "one", "two", "three")
    alice = people["alice"]
    assert listed(alice)["newbox"].unread is None, "a room that one has nothing to do with is not new all the time"
    read("newbox", alice, 1)
    assert listed(alice)["newbox"].unread == 2
    read("newbox", alice, 3)
    assert listed(alice)["newbox"].unread == 0
    assert listed(people["bob"])["newbox"].unread is None


def test_what_was_written_before_somebody_became_a_member_is_not_new_to_him(people: dict[str, Actor]) -> None:
    services.create_room("club", private=True, owner="alice")
    say("club", "one", "two")
    services.add_member("club", "bob", "member", people["alice"])
    assert listed(people["bob"])["club"].unread == 0
    say("club", "three")
    found = listed(people["bob"])["club"]
    assert (found.unread, found.role) == (1, "member")
    Membership.objects.filter(user_name="bob").update(joined_at=timezone.now() - HOUR)
    assert listed(people["bob"])["club"].unread == 3


def test_the_room_that_was_last_written_to_comes_first(people: dict[str, Actor]) -> None:
    for name in ("alpha", "beta", "gamma"):
        services.create_room(name)
    say("gamma", "one")
    say("alpha", "two")
    assert list(listed(people["alice"])) == ["alpha", "gamma", "beta"]


def test_archived_rooms_and_other_people_s_private_ones_are_not_listed(
    people: dict[str, Actor], settings: object
) -> None:
    settings.CHAT_GUESTS = "read"  # type: ignore[attr-defined]
    services.create_room("newbox")
    services.create_room("club", private=True, owner="alice")
    services.create_room("old")
    services.archive_room("old", SYSTEM)
    assert set(listed(people["alice"])) == {"newbox", "club"}
    assert set(listed(people["bob"])) == set(listed(GUEST)) == {"newbox"}


def test_the_list_counts_the_people_who_are_there(people: dict[str, Actor]) -> None:
    room = services.create_room("newbox").room
    people_here = {(room.id, str(number)): Present(str(number), f"p{number}", "P") for number in (1, 2)}
    for server in ("one:1", "two:2"):
        services.save_presence(server, 1, timezone.now() + HOUR, people_here, {})
    assert listed(people["alice"])["newbox"].present == 2


def test_the_list_takes_the_same_queries_for_any_number_of_rooms(
    people: dict[str, Actor], django_assert_num_queries: object
) -> None:
    for number in range(5):
        services.create_room(f"room-{number}", owner="alice")
        say(f"room-{number}", "hello")
    with django_assert_num_queries(5):  # type: ignore[operator]
        room_list(people["alice"])


def stand(rooms: list[str], text: str, lifetime: timedelta = HOUR) -> None:
    services.post_messages([Post(room, text, kind="banner", lifetime=lifetime) for room in rooms])


def common(actor: Actor) -> str | None:
    banner = common_banner([found.room.id for found in room_list(actor)])
    return None if banner is None else banner.message


def test_a_banner_that_stands_in_all_rooms_stands_above_the_list(people: dict[str, Actor]) -> None:
    alice = people["alice"]
    assert common(alice) is None
    for name in ("alpha", "beta"):
        services.create_room(name)
    assert common(alice) is None
    stand(["alpha"], "here alone")
    assert common(alice) is None
    stand(["alpha", "beta"], "everywhere")
    assert common(alice) == "everywhere"
    services.create_room("younger")
    assert common(alice) == "everywhere"
    stand(["younger"], "of its own")
    assert common(alice) == "everywhere"
    services.clear_banners(["beta"], SYSTEM)
    assert common(alice) is None


def test_a_banner_whose_time_is_over_stands_nowhere(people: dict[str, Actor]) -> None:
    services.create_room("alpha")
    stand(["alpha"], "for a moment")
    Message.objects.update(expires_at=timezone.now())
    assert common(people["alice"]) is None


def test_the_page_shows_what_is_new_and_who_is_there(people: dict[str, Actor], client: Client) -> None:
    from django.contrib.auth.models import User

    room = services.create_room("ops", title="Operations", owner="alice").room
    services.create_room("garden")
    say("ops", *map(str, range(120)))
    read("ops", people["alice"], 1)
    services.save_presence("one:1", 1, timezone.now() + HOUR, {(room.id, "9"): Present("9", "p", "P")}, {})
    client.force_login(User.objects.get(username="alice"))
    body = client.get("/").content.decode()
    assert "119 unread messages" in body
    assert '<span aria-hidden="true">99+</span>' in body
    assert "1 person here now" in body
    assert body.index("Your rooms") < body.index("Operations") < body.index("Other rooms") < body.index("garden")
    assert "Nothing written yet" in body


def test_a_room_that_was_deleted_takes_its_people_along(people: dict[str, Actor]) -> None:
    room = services.create_room("newbox").room
    services.save_presence("one:1", 1, timezone.now() + HOUR, {(room.id, "9"): Present("9", "p", "P")}, {})
    Room.objects.all().delete()
    services.save_presence("one:1", 2, timezone.now() + HOUR, {(room.id, "8"): Present("8", "q", "Q")}, {})
    assert present_counts([room.id]) == {}
