"""Accounts: making them."""

from collections.abc import Callable

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from pytest_django.fixtures import Settings

from chatcore.exceptions import BadRequest, UserExists
from chatcore.services.people import create_user

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Settings) -> None:
    """How long a real one takes is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def test_an_account_is_made_with_which_its_person_can_sign_in() -> None:
    actor = create_user("alice", password=PASSWORD, email="Alice@Example.ORG")
    user = User.objects.get()
    assert (actor.name, actor.id, user.email) == ("alice", str(user.pk), "Alice@example.org")
    assert authenticate(HttpRequest(), username="alice", password=PASSWORD) == user
    assert [user.is_staff, user.is_superuser] == [False, False]


def test_without_a_password_nobody_can_sign_in() -> None:
    create_user("alice")
    user = User.objects.get()
    assert not user.has_usable_password()
    assert user.is_active


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_name_that_looks_the_same_is_taken(name: str) -> None:
    create_user("alice")
    with pytest.raises(UserExists, match="user alice exists"):
        create_user(name)
    assert User.objects.count() == 1


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: create_user(""), "username"),
    (lambda: create_user("no blanks here"), "username"),
    (lambda: create_user("x" * 151), "username"),
    (lambda: create_user("a\0b"), "cannot be stored"),
    (lambda: create_user("a\ud800"), "cannot be stored"),
    (lambda: create_user("alice", email="nowhere"), "email"),
    (lambda: create_user("alice", password=""), "too short"),
    (lambda: create_user("alice", password="12345678"), "too common"),
    (lambda: create_user("alice-liddell", password="alice-liddell"), "too similar"),
]


@pytest.mark.parametrize(("wrong", "reason"), WRONG)
def test_what_is_wrong_is_said_in_a_line_and_no_account_is_made(wrong: Callable[[], object], reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as refused:
        wrong()
    assert "\n" not in refused.value.detail
    assert not User.objects.exists()
