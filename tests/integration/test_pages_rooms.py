"""The pages of rooms: the list, a room, one that is not there, making one."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatcore import history, services
from chatcore.actors import actor_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("boss", is_staff=True))
    return client


def text_of(response: object) -> str:
    """The page's text without markup, blanks made one."""
    body = re.sub(r"(?s)<script.*?</script>|<template.*?</template>", " ", response.content.decode())  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", "", body).split())


def page_data(response: object) -> dict[str, object]:
    body = response.content.decode()  # type: ignore[attr-defined]
    found = re.search(r'(?s)<script id="page" type="application/json">(.*?)</script>', body)
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


def test_the_list_shows_title_and_topic_of_the_rooms_that_one_may_read(visitor: Client) -> None:
    services.create_room("newbox", title="The new box", topic="Deployments")
    services.create_room("secret", title="Hidden", private=True)
    services.create_room("club", title="Our club", private=True, members=["alice"])
    text = text_of(visitor.get("/"))
    assert "The new box" in text
    assert "Deployments" in text
    assert "Our club" in text
    assert "Hidden" not in text
    assert "secret" not in text


def test_an_empty_list_tells_staff_the_command(staff: Client, visitor: Client) -> None:
    assert "python manage.py create_room NAME" in text_of(staff.get("/"))
    assert "manage.py" not in text_of(visitor.get("/"))
    assert "There is no room yet" in text_of(visitor.get("/"))


@pytest.mark.parametrize("path", ["/", "/rooms/new/", "/chat/newbox/", "/chat/nowhere/"])
def test_who_is_not_signed_in_is_asked_to_and_comes_back(client: Client, path: str) -> None:
    services.create_room("newbox")
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={path}")


def test_guests_read_where_the_site_lets_them_and_are_asked_to_sign_in_to_write(
    client: Client, settings: object
) -> None:
    settings.CHAT_GUESTS = "read"  # type: ignore[attr-defined]
    services.create_room("newbox", title="The new box")
    assert "The new box" in text_of(client.get("/"))
    room = client.get("/chat/newbox/")
    assert "Sign in to write" in text_of(room)
    assert page_data(room)["sign_in"] == "/accounts/login/?next=%2Fchat%2Fnewbox%2F"


def test_a_room_is_shown_under_its_own_spelling_only(visitor: Client) -> None:
    services.create_room("Straße")
    for spelling in ("strasse", "STRASSE", "straße"):
        response = visitor.get(f"/chat/{spelling}/")
        assert (response.status_code, response["Location"]) == (302, "/chat/Stra%C3%9Fe/")
    response = visitor.get("/chat/Straße/")
    assert response.status_code == 200
    assert page_data(response)["room"] == "Straße"


def test_an_address_without_its_last_slash_leads_to_the_room(visitor: Client) -> None:
    services.create_room("newbox")
    assert visitor.get("/chat/newbox", follow=True).redirect_chain[-1][0] == "/chat/newbox/"


def test_the_page_knows_the_longest_text_of_its_room(visitor: Client, settings: object) -> None:
    settings.CHAT_MAX_LENGTH = 500  # type: ignore[attr-defined]
    services.create_room("usual")
    services.create_room("short", max_length=140)
    assert page_data(visitor.get("/chat/usual/"))["longest"] == 500
    assert page_data(visitor.get("/chat/short/"))["longest"] == 140


def test_a_room_for_announcements_says_who_writes_in_it(visitor: Client, staff: Client) -> None:
    services.create_room("news", announce_only=True)
    note = "only its owners and moderators write here"
    assert '<form class="composer" id="composer" hidden>' in visitor.get("/chat/news/").content.decode()
    assert note in text_of(visitor.get("/chat/news/"))
    assert '<form class="composer" id="composer">' in staff.get("/chat/news/").content.decode()


def test_an_unknown_room_offers_a_near_match_and_a_button_to_make_it(visitor: Client, settings: object) -> None:
    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    services.create_room("newbox")
    response = visitor.get("/chat/newbx/")
    assert response.status_code == 404
    body = response.content.decode()
    assert "There is no room newbx" in text_of(response)
    assert '<a href="/chat/newbox/"><bdi>newbox</bdi></a>' in body
    assert '<input type="hidden" name="name" value="newbx">' in body
    assert visitor.post("/rooms/new/", {"name": "newbx"})["Location"] == "/chat/newbx/"
    assert visitor.get("/chat/newbx/").status_code == 200


def test_an_unknown_room_names_the_command_where_only_staff_may_make_it(visitor: Client, settings: object) -> None:
    settings.CHAT_ROOM_CREATE = "staff"  # type: ignore[attr-defined]
    response = visitor.get("/chat/newbx/")
    assert response.status_code == 404
    assert "python manage.py create_room newbx" in text_of(response)
    assert "/rooms/new/" not in response.content.decode()
    assert visitor.post("/rooms/new/", {"name": "newbx"}).status_code == 403
    assert "Only staff may create rooms here" in text_of(visitor.get("/rooms/new/"))


def test_to_others_a_private_room_looks_like_one_that_is_not_there(visitor: Client) -> None:
    services.create_room("secret", title="Hidden", private=True)
    private, missing = visitor.get("/chat/secret/"), visitor.get("/chat/secrex/")
    assert private.status_code == missing.status_code == 404
    assert text_of(private) == text_of(missing).replace("secrex", "secret")


@pytest.mark.parametrize(
    "path", ["/chat/a b/", "/chat/a%2Fb/", "/chat/a%00b/", "/chat/-rf/", "/chat/%3Cscript%3E/", f"/chat/{'x' * 65}/"]
)
def test_a_bad_name_is_told_why(visitor: Client, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 404
    assert "A room name" in text_of(response)
    assert "create_room" not in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/chat/newbox/", "/rooms/new/"])
def test_a_banned_person_is_refused_with_a_reason(path: str, visitor: Client, alice: User) -> None:
    from chatcore.models import Sanction

    services.create_room("newbox")
    Sanction.objects.create(user_id=str(alice.pk), user_name="alice", kind="ban")
    response = visitor.get(path)
    assert response.status_code == 403
    assert "You are banned here" in text_of(response)


def test_who_makes_a_room_owns_it(visitor: Client, alice: User, settings: object) -> None:
    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    response = visitor.post("/rooms/new/", {"name": "garden", "title": "The garden", "topic": "Plants"})
    assert (response.status_code, response["Location"]) == (302, "/chat/garden/")
    room, standing = history.access("garden", actor_for(alice))
    assert (room.title, room.topic, standing.role) == ("The garden", "Plants", "owner")


def test_a_room_is_made_private_or_for_announcements(visitor: Client, settings: object) -> None:
    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    visitor.post("/rooms/new/", {"name": "club", "private": "on"})
    visitor.post("/rooms/new/", {"name": "news", "announce_only": "on"})
    club, news = history.room_named("club"), history.room_named("news")
    assert (club.private, club.announce_only, news.private, news.announce_only) == (True, False, False, True)
    assert visitor.get("/chat/club/").status_code == 200
    assert Client().get("/chat/club/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "a/b"}, "letters, digits"),
        ({"name": "newbox"}, "There is a room newbox already"),
        ({"name": "NewBox"}, "There is a room newbox already"),
        ({"name": "x" * 65}, "at most 64 characters"),
        ({"name": "fine", "title": "a\u202eb"}, "control characters"),
        ({"name": "fine", "topic": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_a_room_that_cannot_be_made_is_told_why(
    visitor: Client, settings: object, fields: dict[str, str], reason: str
) -> None:
    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    services.create_room("newbox")
    response = visitor.post("/rooms/new/", fields)
    assert response.status_code == 400
    assert reason in text_of(response)
    assert visitor.get("/chat/fine/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_pages_stay_out_of_transactions_where_every_request_is_one(visitor: Client, settings: object) -> None:
    from django.db import connection

    settings.CHAT_ROOM_CREATE = "users"  # type: ignore[attr-defined]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert visitor.post("/rooms/new/", {"name": "durable"}).status_code == 302
        assert visitor.get("/chat/durable/").status_code == 200
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
