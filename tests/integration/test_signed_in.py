"""Whether those who are connected are still signed in: accounts and sessions, looked at for all in a few queries."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone

from chatcore import services
from chatcore.clock import Clock
from chatcore.consumers.sign_in import SignIn
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread
from chatcore.exceptions import Unavailable
from chatcore.history.signed_in import Account, Accounts, Ticket, account_hash, live_sessions
from chatcore.hub import Sweep
from chatcore.hub.sweep import EVERY, SOON
from chatcore.models import Message
from tests.integration.sockets import Client, Site, elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

ENGINES = "django.contrib.sessions.backends."
LONG_AGO = timezone.now() - timedelta(days=30)


def new_session(expires: Any = None) -> Any:
    """A session that is kept, by whatever keeps them."""
    session = import_module(django_settings.SESSION_ENGINE).SessionStore()
    session["some"] = "data"
    if expires is not None:
        session.set_expiry(expires)
    session.save()
    return session


@pytest.fixture(params=["db", "cached_db", "cache", "file"])
def engine(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> str:
    settings.SESSION_ENGINE, settings.SESSION_FILE_PATH = ENGINES + request.param, str(tmp_path)
    return str(request.param)


def test_a_session_that_was_ended_or_has_expired_is_none_whatever_keeps_them(engine: str) -> None:
    live, ended, expired = new_session(), new_session(), new_session(timedelta(seconds=-1))
    keys = {live.session_key, ended.session_key, expired.session_key, "made" + "x" * 28}
    ended.flush()
    assert live_sessions(keys) == {live.session_key}
    assert live_sessions(set()) == set()


def test_a_session_in_the_cookie_is_there_until_it_expires(settings: Any) -> None:
    settings.SESSION_ENGINE = ENGINES + "signed_cookies"
    key = new_session().session_key
    assert live_sessions({key, "forged"}) == {key}
    settings.SESSION_COOKIE_AGE = -1
    assert live_sessions({key}) == set()


def test_a_cache_that_does_not_answer_is_said_to_be_so(settings: Any) -> None:
    settings.SESSION_ENGINE = ENGINES + "cache"
    nowhere = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    settings.CACHES = {"default": nowhere}
    with pytest.raises(Unavailable, match="sessions cannot be looked up"):
        live_sessions({"x" * 32})


def test_thousands_of_people_cost_a_query_each_two_thousand(django_assert_num_queries: Any) -> None:
    Session.objects.bulk_create(
        Session(session_key=f"{number:032}", session_data="", expire_date=timezone.now() + timedelta(days=1))
        for number in range(3000)
    )
    User.objects.bulk_create(User(username=f"user{number}") for number in range(3000))
    ids, accounts = [str(pk) for pk in User.objects.values_list("pk", flat=True)], Accounts()
    with django_assert_num_queries(2):
        assert len(live_sessions({f"{number:032}" for number in range(3000)})) == 3000
    with django_assert_num_queries(4):
        first = accounts.look(ids)
    with django_assert_num_queries(2):  # nobody has changed
        assert accounts.look(ids) == first
    assert len(first) == 3000


def test_an_account_is_what_it_is_at_each_look() -> None:
    alice, accounts = User.objects.create_user("alice", is_superuser=True), Accounts()
    own = str(alice.pk)
    assert accounts.look([own, "999"]) == {own: Account(account_hash(alice), False, True)}
    alice.is_superuser, alice.is_staff = False, True
    alice.save()
    assert accounts.look([own]) == {own: Account(account_hash(alice), True, False)}
    before = accounts.look([own])[own].hash
    alice.set_password("another one")
    alice.save()
    assert before != accounts.look([own])[own].hash == account_hash(alice)
    User.objects.update(is_active=False)
    assert accounts.look([own]) == {}
    User.objects.update(is_active=True)
    assert own in accounts.look([own])
    alice.delete()
    assert accounts.look([own]) == {}


class Watched:
    """A hub with these tickets, and nobody in a room."""

    def __init__(self, *tickets: Ticket) -> None:
        self._tickets, self.looks = frozenset(tickets), 0

    def visitors(self) -> dict[int, dict[int, Any]]:
        self.looks += 1
        return {}

    def tickets(self) -> frozenset[Ticket]:
        return self._tickets


def test_however_often_it_is_asked_for_a_look_comes_at_most_twice_a_second() -> None:
    hub = Watched()
    sweep = Sweep(hub)  # type: ignore[arg-type]
    for tick in range(1000, 1200):  # ten seconds
        for _ in range(100):
            sweep.nudge()
        sweep.look(tick * 0.05)
    assert hub.looks == 10 / SOON


def test_who_comes_in_while_a_look_has_begun_is_not_taken_for_one_whose_account_is_gone() -> None:
    alice = User.objects.create_user("alice")
    ticket = Ticket(str(alice.pk), new_session().session_key, account_hash(alice))
    assert Sweep(Watched(ticket)).look(100.0).ended == frozenset()  # type: ignore[arg-type]
    alice.delete()
    assert Sweep(Watched(ticket)).look(100.0).ended == {ticket}  # type: ignore[arg-type]


def test_after_a_nudge_there_are_two_looks_soon_and_then_one_each_three_seconds() -> None:
    hub = Watched()
    sweep = Sweep(hub)  # type: ignore[arg-type]
    sweep.look(100.0)
    times = []
    sweep.nudge()
    for tick in range(1, 200):
        before = hub.looks
        sweep.look(now := 100.0 + tick * 0.05)
        times += [now - 100.0] * (hub.looks - before)
    assert times[:3] == pytest.approx([SOON, 2 * SOON, 2 * SOON + EVERY], abs=0.06)


def signed_out(user: User, own: Any) -> None:
    own.flush()


def expired(user: User, own: Any) -> None:
    Session.objects.filter(session_key=own.session_key).update(expire_date=LONG_AGO)


def another_password(user: User, own: Any) -> None:
    user.set_password("another one")
    user.save()


def switched_off(user: User, own: Any) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def deleted(user: User, own: Any) -> None:
    User.objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize(
    ("happens", "others_too"),
    [(signed_out, False), (expired, False), (another_password, True), (switched_off, True), (deleted, True)],
)
def test_who_is_not_signed_in_any_more_is_told_so_in_all_rooms_and_other_devices_stay(
    happens: Callable[[User, Any], None], others_too: bool, settings: Any
) -> None:
    settings.CHAT_GUESTS = "read"
    alice = User.objects.create_user("alice")
    for room in ("ops", "news"):
        services.create_room(room)
    own, other = new_session(), new_session()
    tickets = [Ticket(str(alice.pk), session.session_key, account_hash(alice)) for session in (own, other)]

    async def check() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            async with (
                site.socket("ops", alice, ticket=tickets[0]) as here,
                site.socket("news", alice, full=False, ticket=tickets[0]) as there,
                site.socket("ops", alice, ticket=tickets[1]) as elsewhere_,
                site.hello("ops", None) as guest,
            ):
                for client in (here, elsewhere_):
                    client.say(type="hello")
                for client in (here, elsewhere_, guest):
                    await client.until("open")
                await elsewhere(happens, alice, own)
                for client in (here, there, *([elsewhere_] if others_too else [])):
                    assert await shown_out(client) == ("not_signed_in", 4401)
                await elsewhere(services.post, "ops", "still here?")
                for client in [guest, *([] if others_too else [elsewhere_])]:
                    assert (await client.until("message"))[-1]["message"] == "still here?"
                assert here.waiting() == there.waiting() == []
            await clock.close()

    asyncio.run(check())


@pytest.mark.parametrize("full", [True, False])
def test_who_is_signed_out_and_leaves_his_line_open_is_not_heard_any_more(full: bool) -> None:
    alice = User.objects.create_user("alice")
    services.create_room("ops")
    ticket = Ticket(str(alice.pk), "x" * 32, account_hash(alice))

    async def check() -> None:
        async with Site() as site:
            async with site.socket("ops", alice, full=full, ticket=ticket) as client:
                if full:
                    client.say(type="hello")
                    await client.until("open")
                client.say(type="send", message="heard", client_id="a")
                await client.until("message")
                site.hub.sign_out({ticket})
                assert await shown_out(client) == ("not_signed_in", 4401)
                for number in range(3):
                    client.say(type="send", message="not heard", client_id=f"b{number}")
            await site.writer.settled()
            assert await elsewhere(lambda: Message.objects.filter(text="not heard").count()) == 0

    asyncio.run(check())


async def shown_out(client: Client) -> tuple[str, int]:
    frames = await client.until("error")
    return frames[-1]["code"], await client.closed()


def test_a_superuser_who_is_none_any_more_is_shown_out_of_rooms_that_he_is_no_member_of() -> None:
    root = User.objects.create_superuser("root")
    services.create_room("ops", private=True)

    async def check() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            async with site.hello("ops", root) as client:
                await client.until("open")
                await elsewhere(User.objects.update, is_superuser=False)
                assert await shown_out(client) == ("not_found", 4404)
            await clock.close()

    asyncio.run(check())


def test_who_is_staff_no_more_is_told_so_and_may_do_no_more_what_staff_may() -> None:
    sam = User.objects.create_user("sam", is_staff=True)
    services.create_room("news", announce_only=True)

    async def check() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            async with site.hello("news", sam) as client:
                assert (await client.until("open"))[-1]["can_post"] is True
                await elsewhere(User.objects.update, is_staff=False)
                assert (await client.until("room"))[-1]["can_post"] is False
                client.say(type="send", message="hello", client_id="a")
                assert (await client.until("error"))[-1]["code"] == "forbidden"
            await clock.close()

    asyncio.run(check())


def test_a_socket_keeps_by_what_it_was_opened_and_a_guest_s_has_nothing() -> None:
    alice = User.objects.create_user("alice")
    browser = Browser()
    browser.force_login(alice)
    key = browser.cookies[django_settings.SESSION_COOKIE_NAME].value
    found: list[Any] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        found.append(scope["ticket"])

    async def check() -> None:
        thread = DatabaseThread("users")
        for cookie in (f"{django_settings.SESSION_COOKIE_NAME}={key}", "other=1"):
            scope = {"type": "websocket", "headers": [(b"cookie", cookie.encode())]}
            await SignIn(application, thread, Credentials(thread))(scope, None, None)
        await thread.run(connections.close_all)
        thread.close()

    asyncio.run(check())
    assert found == [Ticket(str(alice.pk), key, account_hash(alice)), None]
