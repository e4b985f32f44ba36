"""Django's admin: rooms through the services, the log to look at."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.models import Change, Membership, Message, Room

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
        "name": "newbox",
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


def test_a_room_is_renamed_and_its_limits_are_taken_away_again(boss: Client) -> None:
    room = services.create_room("newbox", max_length=100, retention=timedelta(days=1)).room
    services.create_room("other")
    address = f"/admin/chatcore/room/{room.id}/change/"
    assert boss.post(address, {**FIELDS, "name": "oldbox"}).status_code == 302
    now = history.room_named("oldbox")
    assert (now.id, now.max_length, now.retention) == (room.id, None, None)
    assert (
        "There is a room other already."
        in boss.post(address, {**FIELDS, "name": "Other"}, follow=True).content.decode()
    )
    assert history.room_named("oldbox").id == room.id


def test_a_length_of_time_that_no_database_can_store_is_refused(boss: Client) -> None:
    room = services.create_room("newbox").room
    fields = {**FIELDS, "name": "newbox", "retention": "999999999 00:00:00"}
    response = boss.post(f"/admin/chatcore/room/{room.id}/change/", fields, follow=True)
    assert "Something here is too long" in response.content.decode()
    assert history.room_named("newbox").retention is None


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


def chosen(action: str, *things: Message | Membership | Room, **more: str) -> dict[str, Any]:
    """What a list's form sends."""
    return {"action": action, "_selected_action": [str(thing.pk) for thing in things], **more}


def test_messages_are_deleted_for_everybody_once_it_is_confirmed(boss: Client) -> None:
    services.create_room("newbox")
    services.post_messages([services.Post("newbox", text) for text in ("<b>one</b>", "two", "three")])
    one, two = Message.objects.order_by("seq")[:2]
    form = chosen("delete_for_everybody", one, two)
    page = boss.post("/admin/chatcore/message/", form).content.decode()
    assert "That cannot be undone" in page
    assert "&lt;b&gt;one&lt;/b&gt;" in page
    assert not Message.objects.filter(deleted_at__isnull=False).exists()
    done = boss.post("/admin/chatcore/message/", {**form, "sure": "yes"}, follow=True).content.decode()
    assert "2 messages are deleted" in done
    assert list(Message.objects.order_by("seq").values_list("text", flat=True)) == ["", "", "three"]
    room = history.room_named("newbox")
    assert (room.head, Change.objects.filter(kind="delete", by=f"user:{User.objects.get().pk}").count()) == (5, 2)
    again = boss.post("/admin/chatcore/message/", {**form, "sure": "yes"}, follow=True).content.decode()
    assert "They are deleted already" in again


def test_who_may_only_look_deletes_by_the_chat_s_own_rules(client: Client) -> None:
    sam = User.objects.create_user("sam", is_staff=True)
    sam.user_permissions.add(Permission.objects.get(codename="view_message"))
    client.force_login(sam)
    services.create_room("secret", private=True)
    services.create_room("newbox")
    services.post_messages([services.Post("secret", "hidden"), services.Post("newbox", "open")])
    form = chosen("delete_for_everybody", *Message.objects.all(), sure="yes")
    page = client.post("/admin/chatcore/message/", form, follow=True).content.decode()
    assert "1 message is deleted" in page
    assert "There is no room secret" in page
    assert Message.objects.get(text="hidden").deleted_at is None


def test_rooms_are_archived_and_opened_again(boss: Client) -> None:
    rooms = [Room.objects.get(pk=services.create_room(name).room.id) for name in ("one", "two")]
    page = boss.post("/admin/chatcore/room/", chosen("archive", *rooms), follow=True).content.decode()
    assert "2 rooms are archived now" in page
    assert all(history.room_named(room.name).archived for room in rooms)
    boss.post("/admin/chatcore/room/", chosen("restore", rooms[0]))
    assert [history.room_named(room.name).archived for room in rooms] == [False, True]


def test_members_are_added_changed_and_removed(boss: Client) -> None:
    User.objects.create_user("alice")
    room = services.create_room("club", owner="boss").room
    form = {"room": str(room.id), "user_name": "alice", "role": "member"}
    assert boss.post("/admin/chatcore/membership/add/", form).status_code == 302
    membership = Membership.objects.get(user_name="alice")
    assert (membership.role, membership.user_id) == ("member", str(User.objects.get(username="alice").pk))
    address = f"/admin/chatcore/membership/{membership.pk}"
    assert boss.post(f"{address}/change/", {"role": "moderator"}).status_code == 302
    membership.refresh_from_db()
    assert membership.role == "moderator"
    assert boss.post(f"{address}/delete/", {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(user_name="alice").exists()


def test_what_cannot_be_done_with_members_is_said(boss: Client) -> None:
    User.objects.create_user("alice")
    room = services.create_room("club", owner="boss").room
    form = {"room": str(room.id), "user_name": "nobody", "role": "member"}
    page = boss.post("/admin/chatcore/membership/add/", form, follow=True).content.decode()
    assert "There is no account nobody." in page
    only = Membership.objects.get()
    page = boss.post(f"/admin/chatcore/membership/{only.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert "only owner" in page
    services.add_member("club", "alice", "member", SYSTEM)
    form = chosen("delete_selected", *Membership.objects.all())
    page = boss.post("/admin/chatcore/membership/", form, follow=True).content.decode()
    assert "only owner" in page
    assert "1 member is removed" in page
    assert Membership.objects.get() == only
