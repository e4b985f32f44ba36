"""Which changes have every server look at once whether all who are connected may still be there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client as Browser
from django.utils import timezone

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.nudges import _nudge
from chatcore.services.sanctions import impose_sanction
from chatcore.services.tokens import create_token, note_use, revoke_token

pytestmark = pytest.mark.django_db(transaction=True)


def nudges(happens: Callable[[User], None], alice: User) -> int:
    """How many nudges wait for the commit when it has happened within a transaction."""
    with transaction.atomic():
        happens(alice)
        return [waiting[1] for waiting in connection.run_on_commit].count(_nudge)


@pytest.fixture
def alice() -> User:
    user = User.objects.create_user("alice", password="correct horse battery")
    User.objects.create_user("bob")
    services.create_room("ops", private=True, owner="bob", members=["alice"])
    return user


def signs_out(alice: User) -> None:
    browser = Browser()
    browser.force_login(alice)
    browser.post("/accounts/logout/")


def is_saved(alice: User) -> None:
    alice.is_active = False
    alice.save()


def is_deleted(alice: User) -> None:
    alice.delete()


def is_banned(alice: User) -> None:
    impose_sanction("alice", "ban", SYSTEM)


def is_removed(alice: User) -> None:
    services.remove_member("ops", "alice", SYSTEM)


def has_a_token_revoked(alice: User) -> None:
    create_token("ci", ["*"])
    revoke_token("ci")


@pytest.mark.parametrize("happens", [signs_out, is_saved, is_deleted, is_banned, is_removed, has_a_token_revoked])
def test_what_may_shut_somebody_out_is_told_with_the_commit(alice: User, happens: Callable[[User], None]) -> None:
    assert nudges(happens, alice) > 0


def signs_in(alice: User) -> None:
    form = {"username": "alice", "password": "correct horse battery"}
    assert Browser().post("/accounts/login/", form).status_code == 302


def somebody_comes(alice: User) -> None:
    User.objects.create_user("carol")


def somebody_posts(alice: User) -> None:
    services.post("ops", "hello")


def makes_a_token_and_uses_it(alice: User) -> None:
    note_use([create_token("ci", ["*"]).token.id], timezone.now())


@pytest.mark.parametrize("happens", [signs_in, somebody_comes, somebody_posts, makes_a_token_and_uses_it])
def test_what_shuts_nobody_out_is_not(alice: User, happens: Callable[[User], None]) -> None:
    assert nudges(happens, alice) == 0
