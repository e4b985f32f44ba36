"""Tokens in Django's admin: made, shown once, revoked."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chatcore import services
from chatcore.history.tokens import token_named
from chatcore.models import Room, Token
from chatcore.services.tokens import create_token
from chatcore.token_texts import digest_of, read_token_text

pytestmark = pytest.mark.django_db

LIST = "/admin/chatcore/token/"


@pytest.fixture
def boss(client: Client) -> Client:
    """The admin of a superuser; there are two rooms."""
    services.create_room("ops")
    services.create_room("vault", private=True)
    client.force_login(User.objects.create_superuser("boss"))
    return client


def form(name: str = "ci", *rooms: str, kind: str = "token", **more: Any) -> dict[str, Any]:
    ids = list(Room.objects.filter(name__in=rooms).values_list("pk", flat=True))
    empty = {"globs": "", "rate": "", "expires_at_0": "", "expires_at_1": ""}
    return {"name": name, "kind": kind, "rooms": ids, **empty, "can_send": "on", **more}


def body(client: Client, data: dict[str, Any]) -> str:
    """The page that follows on the form."""
    return str(client.post(f"{LIST}add/", data, follow=True).content.decode())


def test_a_new_token_is_shown_once_and_kept_nowhere(boss: Client) -> None:
    assert boss.get(f"{LIST}add/").status_code == 200
    answer = boss.post(f"{LIST}add/", form("ci", "ops", "vault", globs="Ops-*  web-*", can_read="on", rate="5/s"))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    shown = re.search(r"<code>(.+)</code>", answer.content.decode())
    assert shown is not None
    text = read_token_text(shown[1])
    assert text is not None
    token = token_named("ci")
    assert token.digest == digest_of(text.secret)
    assert token.grant.rooms == ("ops", "vault", "ops-*", "web-*")
    assert (set(token.grant.can), token.grant.rate) == ({"read", "send"}, "5/s")
    for page in (LIST, f"{LIST}{token.id}/change/", f"{LIST}{token.id}/history/", "/admin/"):
        found = boss.get(page, follow=True)
        assert found.status_code == 200
        assert text.secret not in found.content.decode()
        assert token.digest not in found.content.decode()
    kept = [*LogEntry.objects.values(), *(session.get_decoded() for session in Session.objects.all())]
    assert LogEntry.objects.get().object_repr == "ci"
    assert text.secret not in str(kept) + str(boss.cookies)


def test_a_hook_is_shown_as_its_address(boss: Client) -> None:
    shown = re.search(r"<code>(.+)</code>", body(boss, form("alerts", "vault", kind="hook")))
    assert shown is not None
    address, _, text = shown[1].rpartition("/")
    assert address == "http://testserver/api/hooks"
    assert read_token_text(text) is not None
    assert (token_named("alerts").kind, token_named("alerts").room) == ("hook", "vault")


def test_what_is_refused_is_said_and_nothing_is_stored(boss: Client) -> None:
    assert "Choose rooms for the token" in body(boss, form("ci"))
    assert "A hook is for one room" in body(boss, form("ci", "ops", "vault", kind="hook"))
    assert "Write it as 10/s burst 50." in body(boss, form("ci", "ops", rate="fast"))
    assert "Say whether the token may" in body(boss, {**form("ci", "ops"), "can_send": ""})
    past = timezone.localtime(timezone.now() - timedelta(hours=1))
    over = {"expires_at_0": f"{past:%Y-%m-%d}", "expires_at_1": f"{past:%H:%M:%S}"}
    assert "This time is over." in body(boss, form("ci", "ops", **over))
    assert not Token.objects.exists()
    create_token("ci", ["ops"])
    assert "There is a token ci already" in body(boss, form("ci", "ops"))
    assert Token.objects.count() == 1


def test_tokens_are_revoked_and_neither_changed_nor_deleted(boss: Client) -> None:
    ids = [create_token(name, ["ops"]).token.id for name in ("one", "two", "three")]
    action = {"action": "revoke", "_selected_action": ids[:2]}
    assert "2 tokens are revoked." in boss.post(LIST, action, follow=True).content.decode()
    assert set(Token.objects.filter(revoked_at__isnull=True).values_list("name", flat=True)) == {"three"}
    assert "revoked." not in boss.post(LIST, action, follow=True).content.decode()
    assert boss.post(f"{LIST}{ids[2]}/change/", form("other", "vault")).status_code == 403
    assert boss.post(f"{LIST}{ids[2]}/delete/", {"post": "yes"}).status_code == 403
    assert token_named("three").grant.rooms == ("ops",)


def test_staff_need_the_permissions(boss: Client, client: Client) -> None:
    token = create_token("one", ["ops"]).token
    sam = User.objects.create_user("sam", is_staff=True)
    client.force_login(sam)
    assert client.get(LIST).status_code == 403
    sam.user_permissions.add(Permission.objects.get(codename="view_token"))
    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}add/").status_code == 403
    client.post(LIST, {"action": "revoke", "_selected_action": [token.id]})
    assert token_named("one").state == "live"
    sam.user_permissions.add(Permission.objects.get(codename="delete_token"))
    client.post(LIST, {"action": "revoke", "_selected_action": [token.id]})
    assert not Token.objects.filter(revoked_at__isnull=True).exists()
