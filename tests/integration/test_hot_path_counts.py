"""What a batch may cost, in numbers of calls: one encoding and one frame an event, one write a socket, one ring a room,
and as many queries for two hundred posts as for one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from chatcore import services
from chatcore.actors import SYSTEM, actor_for
from chatcore.bell.layer import RING, channel_layer
from chatcore.frames import text_frame
from chatcore.history import RoomView
from chatcore.services import Post, Posted
from tests.integration.counting import Calls, CountingLayer, Frames
from tests.integration.sockets import Site
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT = Path(__file__).resolve().parent.parent.parent
LAYER = {"default": {"BACKEND": f"{CountingLayer.__module__}.{CountingLayer.__name__}"}}
SQLITE = pytest.mark.sqlite("its own settings")


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  the server's side is looked at
            await asyncio.sleep(0.005)


async def live_sockets(site: Site, stack: AsyncExitStack, room: RoomView, user: User, count: int) -> list[Frames]:
    """So many sockets in the room, every other one a plain client's, as soon as all are live."""
    servers = [Frames() for _ in range(count)]
    for number, frames in enumerate(servers):
        full = number % 2 == 0
        extensions = {"roomline.frames": frames}
        client = await stack.enter_async_context(site.socket(room.name, user, full=full, extensions=extensions))
        if full:
            client.say(type="hello", after=0)
    async with asyncio.timeout(DEADLINE_S):
        while await site.hub.reached([(room.id, 0)]) < count:  # noqa: ASYNC110  the server's side is looked at
            await asyncio.sleep(0.005)
    return servers


async def post_together(site: Site, posts: list[Post]) -> None:
    """One batch: they are queued before the writer gets to run."""
    done: list[Any] = []
    for post in posts:
        site.writer.post(post, done.append)
    await until(lambda: len(done) == len(posts))
    assert all(isinstance(outcome, Posted) for outcome in done)


def rung(layer: CountingLayer) -> list[tuple[int, list[bytes]]]:
    """Which room was rung with which events, ring by ring."""
    return [(room_id, frames) for _, ring in layer.sent for room_id, *_, frames in ring["rings"]]


# What a batch costs on its way out


@pytest.mark.parametrize(("sockets", "posts"), [(1, 1), (3, 200), (40, 2)])
@override_settings(CHANNEL_LAYERS=LAYER, CHAT_BROKER_SOCKET=None)
def test_a_batch_is_encoded_and_framed_once_an_event_rung_once_and_written_once_to_each_socket(
    newbox: RoomView, alice: User, sockets: int, posts: int
) -> None:
    async def check(calls: Calls) -> None:
        async with Site() as site, AsyncExitStack() as stack:
            servers = await live_sockets(site, stack, newbox, alice, sockets)
            layer: Any = channel_layer()
            before = calls.so_far()
            for count in (posts, 1):  # by the second one, whatever the first was too much would be there
                await post_together(site, [Post("newbox", f"{number} of {count}") for number in range(count)])
                await until(lambda: all(frames.live for frames in servers))
            await until(lambda: len(servers[-1].live) == 2 and len(layer.sent) == 2)
            assert calls.so_far() - before == {"encode": posts + 1, "text_frame": posts + 1}
            assert [len(frames.live) for frames in servers] == [2] * sockets
            for written in zip(*(frames.live for frames in servers), strict=True):
                assert all(frames is written[0] for frames in written), "the very same bytes to all"
            assert [ring["type"] for _, ring in layer.sent] == [RING, RING]
            assert [(room_id, len(frames)) for room_id, frames in rung(layer)] == [(newbox.id, posts), (newbox.id, 1)]

    with Calls(text_frame) as calls:
        asyncio.run(check(calls))


@override_settings(CHANNEL_LAYERS=LAYER, CHAT_BROKER_SOCKET=None)
def test_a_batch_of_many_rooms_rings_each_room_once_and_writes_to_its_own_sockets_once(alice: User) -> None:
    rooms = [services.create_room(f"room{number}").room for number in range(5)]

    async def check() -> None:
        async with Site() as site, AsyncExitStack() as stack:
            sockets = {room.id: await live_sockets(site, stack, room, alice, 2) for room in rooms}
            layer: Any = channel_layer()
            for count in (8, 1):
                posts = [Post(room.name, f"{number} of {count}") for number in range(count) for room in rooms]
                await post_together(site, posts)
            await until(lambda: all(len(frames.live) == 2 for servers in sockets.values() for frames in servers))
            await site.bell.close()
            rings = rung(layer)
            assert sorted(room_id for room_id, _ in rings) == sorted([*sockets, *sockets])
            assert len(layer.sent) <= len(rings), "rooms may share a call of the layer"
            for room_id, servers in sockets.items():
                first, _ = (frames for rung_id, frames in rings if rung_id == room_id)
                assert servers[0].live[0] == b"".join(map(text_frame, first)), "and nothing of other rooms"

    asyncio.run(check())


@override_settings(CHAT_RATE="off")
def test_an_answer_is_encoded_for_who_posted_and_for_nobody_else(newbox: RoomView, alice: User) -> None:
    """What a poster with many listeners costs: his message once, his `sent` once."""

    async def check(calls: Calls) -> None:
        async with Site() as site, AsyncExitStack() as stack:
            servers = await live_sockets(site, stack, newbox, alice, 20)
            client = await stack.enter_async_context(site.hello("newbox", alice, after=0))
            await client.only("open")
            before = calls.so_far()
            for number in range(10):
                client.say(type="send", client_id=str(number), message="hello")
                assert {(await client.frame())["type"] for _ in range(2)} == {"sent", "message"}
            await until(lambda: all(len(frames.live) == 10 for frames in servers))
            assert calls.so_far() - before == {"encode": 20, "text_frame": 10}, "his server frames for itself"

    with Calls(text_frame) as calls:
        asyncio.run(check(calls))


# What a batch costs in the database


def statements(posts: list[Post]) -> list[str]:
    """What storing them asks of the chat's tables and of the accounts."""
    with CaptureQueriesContext(connection) as captured:
        outcomes = services.post_messages(posts)
    assert all(isinstance(outcome, Posted) for outcome in outcomes), outcomes
    asked = [query["sql"] for query in captured if not query["sql"].startswith("0 times: ")]
    return [sql for sql in asked if "chatcore_" in sql or "auth_user" in sql]


#: Rooms locked, rows inserted, counters saved; keys looked up; memberships and sanctions; accounts that are mentioned.
PLAIN, KEYS, PEOPLE, MENTIONS = 3, 1, 2, 1


@pytest.mark.parametrize("rooms", [1, 5])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_a_batch_costs_as_many_queries_as_one_post(count: int, rooms: int) -> None:
    """It depends on what the posts have, not on how many they are, by how many people, or in how many rooms."""
    names = [services.create_room(f"room{number}").room.name for number in range(rooms)]
    actors = [actor_for(User.objects.create_user(f"user{number}")) for number in range(20)]

    def batch(*, people: bool = False, keys: bool = False, text: str = "text {}") -> list[Post]:
        return [
            Post(
                names[number % rooms],
                text.format(number),
                actors[number % 20] if people else SYSTEM,
                key=f"{text} {number}" if keys else None,
            )
            for number in range(max(count, rooms))
        ]

    found = {
        "plain": len(statements(batch())),
        "keys": len(statements(batch(keys=True, text="{} with a key"))),
        "people": len(statements(batch(people=True))),
        "mentions": len(statements(batch(text="@user{} look"))),
        "all": len(statements(batch(people=True, keys=True, text="@user{} look again"))),
    }
    assert found == {
        "plain": PLAIN,
        "keys": PLAIN + KEYS,
        "people": PLAIN + PEOPLE,
        "mentions": PLAIN + MENTIONS,
        "all": PLAIN + KEYS + PEOPLE + MENTIONS,
    }


def test_repeats_of_a_whole_batch_are_found_in_one_query_a_room(newbox: RoomView) -> None:
    """The keys, and the messages that they name with their room's name; nothing is written."""
    for count in (2, 200):
        posts = [Post("newbox", f"{number} of {count}", key=f"{number} of {count}") for number in range(count)]
        statements(posts)
        assert len(statements(posts)) == 4


def test_posts_into_slots_and_posts_that_are_sent_once_are_looked_up_one_by_one(newbox: RoomView) -> None:
    """The two that need to know what came before them in the very same batch; all others do not pay for it."""
    for count in (1, 10):
        slots = [Post("newbox", "text", slot=f"{number} of {count}") for number in range(count)]
        assert len(statements(slots)) == PLAIN + count + (count - 1)


@SQLITE
def test_a_batch_is_one_transaction_and_waits_for_the_disk_on_the_writers_own_connection(newbox: RoomView) -> None:
    def pragma(room: str, **_: Any) -> tuple[str, int]:
        with connection.cursor() as cursor:
            modes = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        return modes[0], modes[1]

    async def check() -> None:
        async with Site() as site:
            found = await site.writer.run(pragma, "newbox")
            assert found == ("wal", 2), "FULL: a commit returns when it is on the disk"

    asyncio.run(check())
    with CaptureQueriesContext(connection) as captured:
        services.post_messages([Post("newbox", str(number)) for number in range(50)])
    said = [query["sql"] for query in captured]
    assert [sql for sql in said if sql.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]


@SQLITE
def test_who_gives_up_some_durability_saves_the_wait_at_each_commit(tmp_path: Path) -> None:
    ask = "from django.db import connection as c; print(*c.cursor().execute('PRAGMA synchronous').fetchone())"
    env = {**os.environ, "CHAT_VAR_DIR": str(tmp_path), "CHAT_DURABILITY": "normal"}
    command = [sys.executable, str(PROJECT / "manage.py"), "shell", "-v0", "-c", ask]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=DEADLINE_S)
    assert done.stdout == "1\n"
