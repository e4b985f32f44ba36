"""Sessions without a password, and accounts that are there for a while."""

from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from pytest_django.fixtures import Settings

from chatcore.actors import Actor
from chatcore.exceptions import UserNotFound
from chatcore.services.sessions import (
    NoTemporaryUsers,
    create_temporary_users,
    remove_temporary_users,
    sign_in,
    sign_out,
)

pytestmark = pytest.mark.django_db

ENGINES = [
    f"django.contrib.sessions.backends.{name}" for name in ("db", "cached_db", "cache", "file", "signed_cookies")
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> str:
    """Every way that Django has of keeping sessions."""
    settings.SESSION_ENGINE = request.param
    settings.SESSION_FILE_PATH = str(tmp_path)
    return str(request.param)


def who(cookie: str, settings: Settings) -> str:
    """Whom a page takes the bearer of this cookie for; nothing for nobody."""
    from importlib import import_module

    name, _, value = cookie.partition("=")
    assert name == settings.SESSION_COOKIE_NAME
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(value)
    return get_user(request).get_username()


def test_temporary_people_are_signed_in_and_gone_when_they_are_removed(engine: str, settings: Settings) -> None:
    cookies = [*create_temporary_users(range(1, 4)), *create_temporary_users([4])]
    names = [who(cookie, settings) for cookie in cookies]
    assert [name.rpartition("-")[0] for name in names] == [f"chat-bench-{number}" for number in (1, 2, 3, 4)]
    assert set(User.objects.values_list("username", flat=True)) == set(names)
    assert remove_temporary_users() == 4
    assert [who(cookie, settings) for cookie in cookies] == [""] * 4
    assert not User.objects.exists()
    assert not Session.objects.exists()
    assert remove_temporary_users() == 0


def test_nobody_can_log_in_as_a_temporary_person_and_none_has_rights(settings: Settings) -> None:
    create_temporary_users([1])
    user = User.objects.get()
    assert not user.has_usable_password()
    assert [user.is_staff, user.is_superuser, user.last_login] == [False, False, None]
    assert authenticate(request=HttpRequest(), username=user.username, password="") is None


def test_people_whose_names_only_look_like_those_of_temporary_ones_stay() -> None:
    create_temporary_users([1])
    ours = User.objects.get().username
    remove_temporary_users()
    User.objects.create_user(ours, password="a long enough password")  # somebody saw it, and liked it
    for name in (
        "chat-bench-1",
        "chat-bench-1-00000000",
        "chat-bench-",
        "chat-bench-x-1",
        f"{ours}x",
        "chat-bench-²-1",
    ):
        User.objects.create_user(name)
    assert remove_temporary_users() == 0
    assert User.objects.count() == 7


def test_a_name_that_somebody_has_is_told_with_what_to_do() -> None:
    create_temporary_users([1])
    with pytest.raises(NoTemporaryUsers, match=r"username: .* exists.*: name people who are there by --as USER"):
        create_temporary_users([1])
    with pytest.raises(NoTemporaryUsers, match="--as USER"):
        create_temporary_users([2, 1])  # the database says so
    assert User.objects.count() == 1


def test_sessions_of_another_run_are_no_good_for_the_next_ones_people(settings: Settings) -> None:
    [before] = create_temporary_users([1])
    remove_temporary_users()
    [after] = create_temporary_users([1])
    assert (who(before, settings), before != after) == ("", True)


def test_people_who_are_there_get_sessions_beside_their_own(
    engine: str, settings: Settings, people: dict[str, Actor]
) -> None:
    cookies = sign_in(["bob", "alice"])
    assert {who(cookie, settings) for cookie in cookies} == {"alice", "bob"}
    assert {who(cookie, settings) for cookie in sign_in(["alice", "bob"])} == {
        "alice",
        "bob",
    }  # a killed run's are left
    sign_out(["alice", "bob", "nobody"])
    assert not Session.objects.exists()
    assert User.objects.count() == len(people)
    if not engine.endswith("signed_cookies"):  # which are nowhere but with their bearer
        assert [who(cookie, settings) for cookie in cookies] == ["", ""]


def test_signing_out_ends_no_other_session_of_a_person(settings: Settings, people: dict[str, Actor]) -> None:
    from django.test import Client

    page = Client()
    page.force_login(User.objects.get(username="alice"))
    sign_in(["alice"])
    sign_out(["alice"])
    assert (
        who(f"{settings.SESSION_COOKIE_NAME}={page.cookies[settings.SESSION_COOKIE_NAME].value}", settings) == "alice"
    )


def test_an_unknown_account_is_told_with_a_near_match(people: dict[str, Actor]) -> None:
    with pytest.raises(UserNotFound, match="no user alcie; did you mean alice"):
        sign_in(["bob", "alcie"])
    assert not Session.objects.exists()


def test_a_session_that_is_left_over_ends_by_itself(people: dict[str, Actor]) -> None:
    sign_in(["alice"])
    session = Session.objects.get()
    assert session.get_decoded()["_session_expiry"] == 3600
