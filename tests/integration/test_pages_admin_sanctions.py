"""Mutes and bans in Django's admin: by the same rules as everywhere else."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.history import site_standing, user_named
from chatcore.models import Membership, Sanction
from chatcore.services.sanctions import impose_sanction

pytestmark = pytest.mark.django_db

LIST = "/admin/chatcore/sanction/"


@pytest.fixture
def boss(client: Client) -> Client:
    """The admin of a superuser; Alice and Bob have accounts."""
    for name in ("alice", "bob"):
        User.objects.create_user(name)
    client.force_login(User.objects.create_superuser("boss"))
    return client


def form(account: str, kind: str = "mute", **more: str) -> dict[str, str]:
    return {"user_name": account, "kind": kind, "until_0": "", "until_1": "", "reason": "", **more}


def body(client: Client, address: str, data: dict[str, Any]) -> str:
    """The page that follows on the form."""
    return str(client.post(address, data, follow=True).content.decode())


def test_they_are_imposed_changed_and_lifted(boss: Client) -> None:
    end = timezone.localtime(timezone.now() + timedelta(days=2))
    times = {"until_0": f"{end:%Y-%m-%d}", "until_1": f"{end:%H:%M:%S}", "reason": "loud"}
    assert boss.post(f"{LIST}add/", form("alice", **times)).status_code == 302
    row = Sanction.objects.get()
    assert (row.user_id, row.kind, row.reason) == (str(User.objects.get(username="alice").pk), "mute", "loud")
    assert row.by == f"user:{User.objects.get(username='boss').pk}"
    assert row.until == end.replace(microsecond=0)
    assert site_standing(user_named("alice")).muted
    assert boss.post(f"{LIST}{row.pk}/change/", form("bob", reason="very loud")).status_code == 302
    row = Sanction.objects.get()
    assert (row.user_name, row.reason) == ("alice", "very loud")
    assert row.until is None
    assert "very loud" in boss.get(LIST).content.decode()
    assert boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Sanction.objects.exists()


def test_what_is_refused_is_said_and_nothing_is_stored(boss: Client) -> None:
    assert "There is no account nobody." in body(boss, f"{LIST}add/", form("nobody"))
    assert "You cannot mute, ban or free yourself" in body(boss, f"{LIST}add/", form("boss"))
    User.objects.create_superuser("chief")
    assert "is a superuser: take that right away first." in body(boss, f"{LIST}add/", form("chief"))
    over = body(boss, f"{LIST}add/", form("alice", until_0="2001-01-01", until_1="00:00"))
    assert "This time is over." in over
    assert not Sanction.objects.exists()


def test_staff_do_not_do_it_to_staff(client: Client) -> None:
    for name in ("sam", "tess"):
        user = User.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="chatcore"))
    User.objects.create_user("alice")
    client.force_login(User.objects.get(username="sam"))
    assert "Only superusers may mute and ban staff." in body(client, f"{LIST}add/", form("tess"))
    assert client.post(f"{LIST}add/", form("alice", "ban")).status_code == 302
    impose_sanction("sam", "mute", SYSTEM)
    assert "You are muted" in body(client, f"{LIST}add/", form("alice"))
    own = Sanction.objects.get(user_name="sam")
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk) for row in Sanction.objects.all()]}
    page = body(client, LIST, chosen)
    assert "You cannot mute, ban or free yourself" in page
    assert "is lifted" not in page
    assert Sanction.objects.filter(pk=own.pk).exists()


def test_several_are_lifted_at_once_also_of_accounts_that_are_gone(boss: Client) -> None:
    for name in ("alice", "bob"):
        impose_sanction(name, "ban", SYSTEM)
    User.objects.filter(username="bob").delete()
    chosen = {"action": "delete_selected", "_selected_action": [str(row.pk) for row in Sanction.objects.all()]}
    assert "2 mutes and bans are lifted." in body(boss, LIST, chosen)
    assert not Sanction.objects.exists()


@pytest.mark.parametrize(("action", "said"), [("mute", "1 person is muted now."), ("ban", "1 person is banned now.")])
def test_members_are_muted_and_banned_from_their_list(boss: Client, action: str, said: str) -> None:
    for room in ("one", "two"):
        services.create_room(room, owner="boss", members=["alice"])
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in Membership.objects.all()]}
    page = body(boss, "/admin/chatcore/membership/", chosen)
    assert said in page
    assert "yourself" in page
    assert list(Sanction.objects.values_list("user_name", "kind")) == [("alice", action)]


def test_who_may_change_members_only_is_not_offered_to_ban_them(client: Client) -> None:
    sam = User.objects.create_user("sam", is_staff=True)
    sam.user_permissions.add(Permission.objects.get(codename="view_membership"))
    services.create_room("one", owner="sam")
    client.force_login(sam)
    address = "/admin/chatcore/membership/"
    assert 'value="ban"' not in client.get(address).content.decode()
    client.post(address, {"action": "ban", "_selected_action": [str(Membership.objects.get().pk)]})
    assert not Sanction.objects.exists()
