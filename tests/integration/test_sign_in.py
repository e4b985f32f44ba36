"""Who opens a socket: what Channels' own middleware says, without a connection to the database for each socket."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chatcore.consumers import SignIn
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread

pytestmark = pytest.mark.django_db(transaction=True)


def session_of(user: User) -> Session:
    browser = Browser()
    browser.force_login(user)
    return Session.objects.get(session_key=browser.cookies[settings.SESSION_COOKIE_NAME].value)


def nothing(session: Session) -> None:
    """She is signed in."""


def expire(session: Session) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def sign_out(session: Session) -> None:
    session.delete()


def change_password(session: Session) -> None:
    User.objects.update(password="the hash of another")


def switch_off(session: Session) -> None:
    User.objects.update(is_active=False)


def delete_account(session: Session) -> None:
    User.objects.all().delete()


def garble(session: Session) -> None:
    Session.objects.update(session_data="garbage")


def take_backend_away(session: Session) -> None:
    store = SessionStore(session.session_key)
    store["_auth_user_backend"] = "somewhere.else.Backend"
    store.save()


async def who(stack: Callable[[Any], Any], cookie: str | None) -> str:
    """The account that a socket with this cookie has."""
    found: list[str] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.append(scope["user"].get_username())

    headers = [] if cookie is None else [(b"cookie", cookie.encode("latin1"))]
    await stack(application)({"type": "websocket", "headers": headers}, None, None)
    [name] = found
    return name


async def asked(*cookies: str | None) -> list[str]:
    thread = DatabaseThread("users")
    try:
        return [await who(lambda inner: SignIn(inner, thread, Credentials(thread)), cookie) for cookie in cookies]
    finally:
        await thread.run(connections.close_all)
        thread.close()


@pytest.mark.parametrize(
    ("happens", "name"),
    [
        (nothing, "alice"), (expire, ""), (sign_out, ""), (change_password, ""), (switch_off, ""),
        (delete_account, ""), (garble, ""), (take_backend_away, ""),
    ],
)  # fmt: skip
def test_a_session_says_who_it_is_as_channels_has_it(happens: Callable[[Session], None], name: str) -> None:
    session = session_of(User.objects.create_user("alice"))
    happens(session)
    cookie = f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    assert asyncio.run(asked(cookie)) == [name]
    assert asyncio.run(of_channels(cookie)) == name


async def of_channels(cookie: str) -> str:
    await sync_to_async(connections.close_all)()
    return await who(AuthMiddlewareStack, cookie)


def test_without_a_session_it_is_nobody() -> None:
    name = settings.SESSION_COOKIE_NAME
    hidden = f'{name}="\\000{"a" * 32}"'  # a NUL, which PostgreSQL refuses to look for
    cookies = ("", f"{name}=", f"{name}={'x' * 5000}", f"{name}=\xff\x00; other=1", hidden)
    assert asyncio.run(asked(None, *cookies)) == [""] * 6


def test_many_sockets_share_one_connection() -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(User.objects.create_user('alice')).session_key}"
    opened: list[object] = []

    def note(**_: object) -> None:
        opened.append(None)

    connection_created.connect(note)
    try:
        assert asyncio.run(asked(*[cookie] * 10)) == ["alice"] * 10
    finally:
        connection_created.disconnect(note)
    assert len(opened) == 1


def test_a_connection_that_is_lost_is_opened_again() -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(User.objects.create_user('alice')).session_key}"

    async def check() -> list[str]:
        thread = DatabaseThread("users")
        names = []
        for _ in range(2):
            names.append(await who(lambda inner: SignIn(inner, thread, Credentials(thread)), cookie))
            await thread.run(lambda: connection.connection.close())  # behind Django's back, as a server that restarts
        await thread.run(connections.close_all)
        thread.close()
        return names

    assert asyncio.run(check()) == ["alice"] * 2


def test_what_cannot_be_a_key_is_not_looked_for_by_pages_either(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    with django_assert_num_queries(0):
        for key in (
            "\0" + "a" * 31,
            "a" * 31 + "\0",
            "a" * 31 + "\N{LATIN SMALL LETTER E WITH ACUTE}",
            "a" * 31 + " ",
            "a",
        ):
            assert store(key).get("x") is None
    with django_assert_num_queries(1):
        assert store("a" * 32).get("x") is None
