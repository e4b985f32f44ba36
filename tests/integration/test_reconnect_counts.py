"""What a crowd that comes back at once costs: the log is read once for all who stand at one place."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.test import override_settings

from chatcore import history, services
from chatcore.consumers import SignIn
from chatcore.database import DatabaseThread
from chatcore.history import RoomView
from chatcore.outlets import Encoded
from chatcore.services import Post
from tests.integration.counting import Frames, Query, queries_of_new_threads
from tests.integration.sockets import Client, Frame, Site, elsewhere
from tests.integration.writing import say
from tests.waiting import DEADLINE_S, SOAK

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 200 if SOAK == 1 else 1000
LOG, LIVE = 400, 50


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    """One person is the whole crowd here."""
    with override_settings(CHAT_SOCKETS_PER_PERSON=CROWD + 10):
        yield


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def asked(check: Callable[[Site, list[Query]], Awaitable[None]]) -> list[Query]:
    """What the site asks of the database while `check` runs."""

    async def run(queries: list[Query]) -> None:
        async with Site() as site:
            await check(site, queries)

    with queries_of_new_threads() as queries:
        asyncio.run(run(queries))
    return queries


def pages(queries: Sequence[Query]) -> int:
    """How many pages of the log the thread that reads for sockets has read."""
    return sum(thread.startswith("chat-reads") and 'FROM "chatcore_change"' in sql for thread, sql in queries)


async def crowd(site: Site, room: RoomView, user: User, places: list[int]) -> None:
    """Many come back at once, evenly from these places, and stay until each has what it lacks, once and in order."""
    ids = {rev: await elsewhere(history.event_id, room.id, rev) for rev in places}
    lacks = {rev: await elsewhere(history.events_after, room.id, rev, LOG + LIVE) for rev in places}
    cursors = [places[number % len(places)] for number in range(CROWD)]
    servers = [Frames() for _ in cursors]
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(site.socket(room.name, user, extensions={"roomline.frames": frames}))
            for frames in servers
        ]
        for client, rev in zip(clients, cursors, strict=True):
            client.say(type="hello", after=rev, id=ids[rev], epoch=room.epoch, limit=5000)
        async with asyncio.timeout(DEADLINE_S):
            while await site.hub.reached([(room.id, 0)]) < CROWD:  # noqa: ASYNC110  the server's side is looked at
                await asyncio.sleep(0.005)
    for frames, rev in zip(servers, cursors, strict=True):
        _opened, *caught_up = frames.catchup
        assert b"".join(caught_up) == Encoded.of(lacks[rev].payloads).frames


@pytest.mark.fault("F10")
@pytest.mark.parametrize("places", [[100], [0, 150, 250, 399], [LOG]])
def test_who_stands_at_the_same_place_shares_one_read_of_the_log(
    newbox: RoomView, alice: User, places: list[int]
) -> None:
    services.post_messages([Post("newbox", str(number)) for number in range(LOG)])

    async def check(site: Site, _: list[Query]) -> None:
        await crowd(site, newbox, alice, places)

    first_look = 1  # of the room itself, from its head on, as somebody comes
    behind = sum(place < LOG for place in places)
    assert pages(asked(check)) <= first_look + behind


@pytest.mark.fault("F10")
def test_what_the_room_has_kept_is_not_read_again(newbox: RoomView, alice: User) -> None:
    services.post_messages([Post("newbox", str(number)) for number in range(LOG)])

    async def check(site: Site, queries: list[Query]) -> None:
        async with site.hello("newbox", alice, after=100, limit=5000) as somebody:
            await somebody.frames(1 + LOG - 100)
            await elsewhere(say, "newbox", *map(str, range(LIVE)))
            await somebody.frames(LIVE)
            before = pages(queries)
            await crowd(site, newbox, alice, [100, 101, 300, LOG, LOG + LIVE - 1])
            assert pages(queries) == before

    asked(check)


#: Statements that each socket asks for itself as it comes in, by thread: who it is (session, account), and the room
#: with what he is there (room with his read mark, memberships, sanctions). These numbers may only fall.
AT_THE_DOOR = {"chat-users": 2, "chat-reads": 3}


def test_what_each_socket_asks_for_itself_as_it_comes_in(newbox: RoomView, alice: User) -> None:
    browser = Browser()
    browser.force_login(alice)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}".encode()
    say("newbox", "a", "b")

    async def check(site: Site, queries: list[Query]) -> None:
        users = DatabaseThread("users")
        rooms = SignIn(site.application, users, site.credentials)

        async def as_a_browser(scope: Frame, receive: Any, send: Any) -> None:
            """As a server hands it over: with the browser's cookie, and nobody known yet."""
            del scope["user"]
            await rooms({**scope, "headers": [(b"cookie", cookie)]}, receive, send)

        site.application = as_a_browser  # type: ignore[assignment]
        async with AsyncExitStack() as stack:

            async def enter() -> Client:
                client = await stack.enter_async_context(site.hello("newbox", None, after=2, epoch=newbox.epoch))
                assert (await client.only("open"))["you"]["id"] == str(alice.pk)
                return client

            first = await enter()
            await elsewhere(say, "newbox", "c")
            await first.only("message")
            await enter()  # by now the room is followed, and knows all that those who come share
            before = len(queries)
            for _ in range(10):
                await enter()
            counts = Counter(thread.partition("_")[0] for thread, _ in queries[before:])
        users.close()
        del counts["chat-lookout"]  # which goes by the clock
        assert counts == {thread: 10 * count for thread, count in AT_THE_DOOR.items()}

    asked(check)
