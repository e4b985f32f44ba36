"""Django's admin: rooms through the services, the log to look at."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chatcore import history, services
from chatcore.models import Message
from chatcore.permissions import SYSTEM

pytestmark = pytest.mark.django_db

FIELDS = {"title": "", "topic": "", "max_length": "", "retention": "", "memberships-TOTAL_FORMS": "0"}
FIELDS["memberships-INITIAL_FORMS"] = "0"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_a_room_is_made_and_found(boss: Client) -> None:
    response = boss.post("/admin/chatcore/room/add/", {**FIELDS, "name": "Garden", "private": "on"})
    assert response.status_code == 302
    room = history.room_named("garden")
    assert (room.name, room.private) == ("Garden", True)
    assert "Garden" in boss.get("/admin/chatcore/room/?q=gard").content.decode()


def test_changing_a_room_leaves_the_numbers_of_its_log_alone(boss: Client) -> None:
    room = services.create_room("newbox", retention=None).room
    boss.get(f"/admin/chatcore/room/{room.id}/change/")
    services.post_messages([services.Post("newbox", "while the form is open")])
    fields = {
        **FIELDS,
        "title": "The box",
        "announce_only": "on",
        "last_seq": "0",
        "head": "0",
        "retention": "30 00:00:00",
    }
    assert boss.post(f"/admin/chatcore/room/{room.id}/change/", fields).status_code == 302
    now = history.room_named("newbox")
    assert (now.title, now.announce_only, now.last_seq, now.head) == ("The box", True, 1, 1)
    assert now.retention == timedelta(days=30)


@pytest.mark.parametrize("name", ["a/b", "NEWBOX"])
def test_what_the_domain_refuses_is_said_on_the_form(boss: Client, name: str) -> None:
    services.create_room("newbox")
    response = boss.post("/admin/chatcore/room/add/", {**FIELDS, "name": name}, follow=True)
    body = response.content.decode()
    assert "A room name has" in body or "There is a room newbox already." in body
    assert len(history.rooms_for(SYSTEM)) == 1


def test_messages_can_be_looked_at_and_nothing_else(boss: Client) -> None:
    services.create_room("newbox")
    services.post_messages([services.Post("newbox", "<b>hello</b>")])
    message = Message.objects.get()
    assert "&lt;b&gt;hello&lt;/b&gt;" in boss.get("/admin/chatcore/message/").content.decode()
    address = f"/admin/chatcore/message/{message.pk}"
    assert boss.get(f"{address}/change/").status_code == 200
    assert boss.post(f"{address}/change/", {"text": "changed"}).status_code == 403
    assert boss.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert boss.get("/admin/chatcore/message/add/").status_code == 403
    assert Message.objects.get().text == "<b>hello</b>"


def test_members_are_shown_with_their_room(boss: Client) -> None:
    User.objects.create_user("alice")
    room = services.create_room("club", owner="alice").room
    assert "alice" in boss.get(f"/admin/chatcore/room/{room.id}/change/").content.decode()


def test_the_admin_has_an_icon_of_its_own_server(boss: Client) -> None:
    assert 'href="/static/chatcore/favicon.svg"' in boss.get("/admin/").content.decode()
