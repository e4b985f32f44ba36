"""Catching up and going live: no gap and no repeat, and where there is one, it is said."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.backends.signals import connection_created
from django.test import override_settings

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView
from chatcore.models import Change, Room
from chatcore.models import Message as Row
from chatcore.services import Post
from tests.integration.sockets import Client, Frame, Site, elsewhere, in_a_site
from tests.integration.writing import say
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def texts(frames: list[Frame]) -> list[str]:
    return [frame["message"] for frame in frames]


def revs(frames: list[Frame]) -> list[int]:
    return [frame["rev"] for frame in frames]


def pruned(floor: int) -> None:
    Row.objects.filter(rev__lte=floor).delete()
    Change.objects.filter(rev__lte=floor).delete()
    Room.objects.update(floor=floor)


def test_what_is_posted_while_the_last_step_is_on_its_way_out_is_not_missed(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as witness, site.socket("newbox", alice) as slow:
            await witness.only("open")
            await elsewhere(say, "newbox", "kept")
            await witness.only("message")
            slow.stop_reading()
            slow.say(type="hello", after=0)
            slow.say(type="ping")
            witness.say(type="ping")
            await witness.only("pong")
            await site.hub.lookout.read(history.heads, [])  # behind all that `hello` asks the database
            await elsewhere(say, "newbox", "meanwhile")
            await witness.only("message")
            slow.read_on()
            assert texts(
                [
                    frame
                    for frame in [*await slow.until("message"), *await slow.until("message")]
                    if frame["type"] == "message"
                ]
            ) == ["kept", "meanwhile"]

    in_a_site(check)


def test_what_was_deleted_while_somebody_is_live_is_shown_to_nobody_who_joins_later(
    newbox: RoomView, alice: User
) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as live:
            await live.only("open")
            await elsewhere(say, "newbox", "kept", "secret")
            await live.frames(2)
            await elsewhere(services.delete_message, "newbox", 2, SYSTEM)
            await live.only("delete")
            async with site.hello("newbox", alice, after=0) as later:
                await later.only("open")
                assert texts(await later.frames(3)) == ["kept", "", ""]

    in_a_site(check)


# Where a client begins


def test_who_has_seen_nothing_gets_the_newest_fifty(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(1, 71)))
    services.edit_message("newbox", 70, "edited", SYSTEM)

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            assert (await client.only("open"))["head"] == 71
            frames = await client.frames(50)
            assert [frame["seq"] for frame in frames] == list(range(21, 71))
            assert frames[-1]["message"] == "edited"
            await elsewhere(say, "newbox", "live")
            assert (await client.only("message"))["rev"] == 72

    in_a_site(check)


def test_what_was_pruned_meanwhile_is_shown_to_nobody_who_joins(newbox: RoomView, alice: User) -> None:
    say("newbox", "before anybody came")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as first:
            assert texts((await first.frames(2))[1:]) == ["before anybody came"]
            await elsewhere(say, "newbox", "live")
            await first.until("message")
            await elsewhere(Room.objects.update, floor=1, seq_floor=1)  # its row is there still
            async with site.hello("newbox", alice) as second:
                assert (await second.only("open"))["floor"] == 1
                assert texts(await second.frames(1)) == ["live"]
            await elsewhere(Room.objects.update, floor=2, seq_floor=2)
            async with site.hello("newbox", alice, after=1) as third:
                await third.only("open")
                gap = await third.only("gap")
                assert (gap["reason"], gap["upto"]) == ("pruned", 2)

    in_a_site(check)


@pytest.mark.parametrize("after", [0, 1, 7, 12])
def test_who_comes_back_gets_what_was_missed_and_then_what_is_live(newbox: RoomView, alice: User, after: int) -> None:
    say("newbox", *map(str, range(1, 11)))
    services.edit_message("newbox", 3, "x", SYSTEM)
    services.delete_message("newbox", 4, SYSTEM)

    async def check(site: Site) -> None:
        event = await elsewhere(history.event_id, newbox.id, after)
        async with site.hello("newbox", alice, after=after, id=event, epoch=newbox.epoch) as client:
            opened = await client.only("open")
            assert (opened["head"], opened["epoch"], opened["floor"]) == (12, newbox.epoch, 0)
            await elsewhere(say, "newbox", "live")
            assert revs(await client.frames(13 - after)) == list(range(after + 1, 14))

    in_a_site(check)


def test_a_client_may_name_a_change_by_its_message(newbox: RoomView, alice: User) -> None:
    (message,) = say("newbox", "a")
    edit = services.edit_message("newbox", 1, "b", SYSTEM)

    async def check(site: Site) -> None:
        for event in (message.id, edit.change_id):
            async with site.hello("newbox", alice, after=2, id=event) as client:
                await client.only("open")
                client.say(type="history")
                await client.only("history")

    in_a_site(check)


async def gap_for(site: Site, user: User, **position: Any) -> tuple[Frame, list[Frame]]:
    """The gap that such a client is told of, right after `open`, and what follows it up to a live message."""
    async with site.hello("newbox", user, **position) as client:
        await client.only("open")
        gap = await client.only("gap")
        await elsewhere(say, "newbox", "live")
        following = [await client.frame()]
        while following[-1]["message"] != "live":
            following.append(await client.frame())
        assert revs(following) == sorted(set(revs(following)))
        return gap, following[:-1]


def test_more_than_the_limit_is_a_gap_and_the_newest(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(1, 81)))

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=20, limit=60) as client:
            await client.only("open")
            assert revs(await client.frames(60)) == list(range(21, 81))
        gap, following = await gap_for(site, alice, after=19, limit=60)
        assert gap == {
            "type": "gap", "room": "newbox", "reason": "limit", "after": 19, "upto": 80, "epoch": newbox.epoch,
        }  # fmt: skip
        assert revs(following) == list(range(31, 81))

    in_a_site(check)


def test_what_was_pruned_is_a_gap_up_to_the_floor(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(1, 11)))
    pruned(6)

    async def check(site: Site) -> None:
        gap, following = await gap_for(site, alice, after=2)
        assert (gap["reason"], gap["after"], gap["upto"]) == ("pruned", 2, 6)
        assert revs(following) == [7, 8, 9, 10]
        async with site.hello("newbox", alice, after=6) as client:
            assert (await client.only("open"))["floor"] == 6
            assert revs(await client.frames(5)) == [7, 8, 9, 10, 11]

    in_a_site(check)


def test_a_client_from_the_future_is_told_that_it_is_ahead(newbox: RoomView, alice: User) -> None:
    say("newbox", "a", "b")

    async def check(site: Site) -> None:
        gap, following = await gap_for(site, alice, after=99, id="0199")
        assert (gap["reason"], gap["after"], gap["upto"]) == ("ahead", 99, 2)
        assert texts(following) == ["a", "b"]
        gap, _ = await gap_for(site, alice, after=2**63 - 1)
        assert gap["reason"] == "ahead"

    in_a_site(check)


def test_a_client_that_is_ahead_of_this_process_only_is_waited_for(newbox: RoomView, alice: User) -> None:
    """Another server has told it of an event that this one has not heard of yet."""

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as first:
            await first.only("open")
            (message,) = await elsewhere(say, "newbox", "a")
            async with site.hello("newbox", alice, after=1, id=message.id) as second:
                assert (await second.only("open"))["head"] == 1
                await elsewhere(say, "newbox", "b")
                assert revs([await second.only("message")]) == [2]

    in_a_site(check)


def test_another_event_at_that_rev_means_that_history_was_changed(newbox: RoomView, alice: User) -> None:
    say("newbox", "a", "b", "c")

    async def check(site: Site) -> None:
        gap, following = await gap_for(site, alice, after=2, id="01991111-1111-7111-8111-111111111111")
        assert (gap["reason"], gap["after"], gap["upto"]) == ("history_changed", 2, 3)
        assert texts(following) == ["a", "b", "c"]

    in_a_site(check)


def test_another_epoch_is_another_history(newbox: RoomView, alice: User) -> None:
    say("newbox", "a", "b", "c")

    async def check(site: Site) -> None:
        gap, following = await gap_for(site, alice, after=2, epoch="0" * 32)
        assert (gap["reason"], gap["epoch"]) == ("epoch", newbox.epoch)
        assert texts(following) == ["a", "b", "c"]

    in_a_site(check)


# Catching up while the room goes on


def test_catching_up_over_many_pages_while_posts_go_on_has_no_hole_and_no_repeat(newbox: RoomView, alice: User) -> None:
    services.post_messages([Post("newbox", str(number)) for number in range(1200)])

    async def check(site: Site) -> None:
        async def go_on() -> None:
            for number in range(60):
                await elsewhere(say, "newbox", f"live {number}")

        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(site.hello("newbox", alice, after=after, limit=5000))
                for after in (0, 0, 3, 400, 900, 1199)
            ]
            posting = asyncio.create_task(go_on())
            for client, after in zip(clients, (0, 0, 3, 400, 900, 1199), strict=True):
                await client.only("open")
                assert revs(await client.frames(1260 - after)) == list(range(after + 1, 1261))
            await posting

    in_a_site(check)


def test_many_who_come_back_at_once_share_one_reading_of_the_log(newbox: RoomView, alice: User) -> None:
    services.post_messages([Post("newbox", str(number)) for number in range(400)])
    reads: list[tuple[int, ...]] = []

    @contextmanager
    def counting() -> Iterator[None]:
        """Count what the reading thread asks of the messages; the other threads are another matter."""

        def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            if threading.current_thread().name.startswith("chat-reads") and 'FROM "chatcore_message"' in sql:
                reads.append(params)
            return execute(sql, params, many, context)

        def wrap(connection: Any, **_: Any) -> None:
            connection.execute_wrappers.append(count)

        connection_created.connect(wrap)
        try:
            yield
        finally:
            connection_created.disconnect(wrap)

    async def check(site: Site) -> None:
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(site.hello("newbox", alice, after=100, epoch=newbox.epoch))
                for _ in range(50)
            ]
            for client in clients:
                await client.only("open")
                assert revs(await client.frames(300)) == list(range(101, 401))

    with counting():
        in_a_site(check)
    assert len([params for params in reads if 100 in params]) == 1
    assert len(reads) == 3, "and once the room itself, from its head on, and once its banner"


# Live


class Frames:
    """The server's side of the ready-frames extension."""

    def __init__(self) -> None:
        self.pending, self.closing = 0, False
        self.live: list[bytes] = []
        self.all: list[bytes] = []

    def write(self, frames: bytes) -> None:
        self.live.append(frames)
        self.all.append(frames)

    def write_catchup(self, frames: bytes) -> None:
        self.all.append(frames)

    async def drained(self) -> None:
        await asyncio.sleep(0)


def test_a_batch_is_framed_once_and_written_once_to_each_socket(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        servers = [Frames() for _ in range(20)]
        async with AsyncExitStack() as stack:
            for frames in servers:
                client = await stack.enter_async_context(
                    site.socket("newbox", alice, extensions={"roomline.frames": frames})
                )
                client.say(type="hello", after=0)
            async with asyncio.timeout(DEADLINE_S):
                while not all(frames.all for frames in servers):  # noqa: ASYNC110  the server's side is looked at
                    await asyncio.sleep(0)
                batches: list[Any] = []
                posts = [Post("newbox", str(number)) for number in range(50)]
                await elsewhere(services.post_messages, posts, announce=batches.extend)
                site.hub.announce(batches)
                while not all(frames.live for frames in servers):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        assert [len(frames.live) for frames in servers] == [1] * 20
        first = servers[0].live[0]
        assert all(frames.live[0] is first for frames in servers), "the very same bytes"
        assert all(payload in first for payload in batches[0].payloads), "as they were encoded for the log"

    in_a_site(check)


@override_settings(CHAT_OUTBOX_BYTES=20_000, CHAT_RATE="off")
def test_who_stops_reading_is_closed_with_4008_and_the_others_go_on(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with AsyncExitStack() as stack:
            slow, *quick = [await stack.enter_async_context(site.hello("newbox", alice, after=0)) for _ in range(4)]
            sender = await stack.enter_async_context(site.socket("newbox", alice, full=False))
            for client in (slow, *quick):
                await client.only("open")
            slow.stop_reading()
            for number in range(60):
                sender.say(message=f"{number} " + "x" * 1000)
                for client in (sender, *quick):
                    assert (await client.only("message"))["seq"] == number + 1
            slow.read_on()
            got = []
            while (event := await slow.event())["type"] == "websocket.send":
                got.append(event)
            assert event == {"type": "websocket.close", "code": 4008}
            assert len(got) < 30
        async with site.hello("newbox", alice, after=len(got), limit=5000) as again:
            await again.only("open")
            assert revs(await again.frames(60 - len(got))) == list(range(len(got) + 1, 61))

    in_a_site(check)


def test_one_failing_socket_does_not_keep_the_others_from_their_messages(newbox: RoomView, alice: User) -> None:
    class Broken(Frames):
        def write(self, frames: bytes) -> None:
            raise RuntimeError("a bug in the server")

    async def check(site: Site) -> None:
        async with AsyncExitStack() as stack:
            broken = [
                await stack.enter_async_context(
                    site.socket("newbox", alice, full=False, extensions={"roomline.frames": Broken()})
                )
                for _ in range(3)
            ]
            client = await stack.enter_async_context(site.hello("newbox", alice, after=0))
            await client.only("open")
            await elsewhere(say, "newbox", "a")
            await elsewhere(say, "newbox", "b")
            assert texts(await client.frames(2)) == ["a", "b"]
            assert len(broken) == 3

    in_a_site(check)


def test_a_ring_of_one_room_is_heard_in_no_other_one(newbox: RoomView, alice: User) -> None:
    services.create_room("other")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as here, site.hello("other", alice, after=0) as there:
            await here.only("open")
            await there.only("open")
            there.say(type="send", message="secret", client_id="a")
            await there.until("message")
            here.say(type="send", message="open", client_id="b")
            assert (await here.until("message"))[-1]["message"] == "open"

    in_a_site(check)


def test_nobody_sees_another_room_s_events(newbox: RoomView, alice: User) -> None:
    services.create_room("ops")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as one, site.hello("ops", alice, after=0) as two:
            await one.only("open")
            await two.only("open")
            for number in range(20):
                await elsewhere(say, ("newbox", "ops")[number % 2], str(number))
            assert [(frame["room"], int(frame["message"]) % 2) for frame in await one.frames(10)] == [
                ("newbox", 0)
            ] * 10
            assert [(frame["room"], int(frame["message"]) % 2) for frame in await two.frames(10)] == [("ops", 1)] * 10

    in_a_site(check)


# When the log is not what it was


async def all_are_closed(clients: list[Client]) -> None:
    for client in clients:
        while (event := await client.event())["type"] == "websocket.send":
            pass
        assert event == {"type": "websocket.close", "code": 4008}


@pytest.mark.parametrize("change", ["epoch", "head", "floor", "deleted"])
def test_everybody_is_asked_to_come_back_when_the_log_is_not_what_it_was(
    newbox: RoomView, alice: User, change: str
) -> None:
    """Also those who have not said hello yet."""
    say("newbox", *map(str, range(10)))

    def happen() -> None:
        match change:
            case "epoch":
                Room.objects.update(epoch="1" * 32)
            case "head":  # yesterday's copy of the database
                Row.objects.filter(rev__gt=5).delete()
                Room.objects.update(head=5, last_seq=5)
            case "floor":  # pruned beyond what this process has seen
                Row.objects.all().delete()
                Room.objects.update(head=20, last_seq=20, floor=20)
            case "deleted":
                Room.objects.all().delete()

    async def check(site: Site) -> None:
        async with AsyncExitStack() as stack:
            live = await stack.enter_async_context(site.hello("newbox", alice, after=10))
            await live.only("open")
            plain = await stack.enter_async_context(site.socket("newbox", alice, full=False))
            waiting = await stack.enter_async_context(site.socket("newbox", alice))
            await elsewhere(say, "newbox", "seen")
            await live.only("message")
            await elsewhere(happen)
            await all_are_closed([live, plain, waiting])
        if change == "deleted":
            return
        async with site.hello("newbox", alice, after=11, epoch=newbox.epoch) as again:
            opened = await again.only("open")
            gap = await again.only("gap")
            reasons = {"epoch": ("epoch", 11), "head": ("ahead", 5), "floor": ("pruned", 20)}
            assert (gap["reason"], opened["head"]) == reasons[change]

    in_a_site(check)
