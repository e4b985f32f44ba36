"""What a server does by itself: due messages, expiry, and answers to who asks how far a message has got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import history, services
from chatcore.clock import Clock
from chatcore.history import RoomView
from chatcore.models import Message, Room, Scheduled
from chatcore.routing import ChatApplication
from chatcore.services import Post
from chatcore.services.exclusion import only_one_prunes
from tests.integration.sockets import Site, elsewhere
from tests.integration.writing import say
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@asynccontextmanager
async def ticking(site: Site) -> AsyncIterator[None]:
    clock = Clock(site.hub, site.credentials)
    clock.start()
    try:
        yield
    finally:
        await clock.close()


def with_a_clock(check: Callable[[Site], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Site() as site, ticking(site):
            await check(site)

    asyncio.run(run())


async def answers(inquiry: str, servers: int = 1) -> list[int]:
    """What the servers answer, as soon as so many have."""

    def answered() -> dict[str, int] | None:
        found = history.deliveries(inquiry)
        return found if len(found) >= servers else None

    found = await elsewhere(wait_until, answered, "the servers' answers")
    return list((found or {}).values())


def test_what_is_due_reaches_the_sockets_and_so_does_its_expiry(newbox: RoomView) -> None:
    services.schedule_messages([Post("newbox", "later", lifetime=HOUR)], timezone.now() + HOUR)
    user = User.objects.create_user("alice")

    async def check(site: Site) -> None:
        async with site.hello("newbox", user) as alice:
            await alice.only("open")
            await elsewhere(Scheduled.objects.update, due_at=timezone.now())
            *others, message = await alice.until("message")
            assert {frame["type"] for frame in others} <= {"presence"}
            assert (message["seq"], message["message"]) == (1, "later")
            await elsewhere(Message.objects.update, expires_at=timezone.now())
            *others, delete = await alice.until("delete")
            assert {frame["type"] for frame in others} <= {"presence"}
            assert delete["seq"] == 1

    with_a_clock(check)


def test_a_server_answers_with_the_sockets_that_have_the_message(newbox: RoomView) -> None:
    async def check(site: Site) -> None:
        async with AsyncExitStack() as stack:
            for number in range(3):
                user = await elsewhere(User.objects.create_user, f"user{number}")
                await stack.enter_async_context(site.socket("newbox", user, full=False))
            (message,) = await elsewhere(say, "newbox", "hi")
            inquiry = await elsewhere(services.ask_delivery, [("newbox", message.rev)])
            assert await answers(inquiry) == [3]

    with_a_clock(check)


def test_a_server_without_sockets_answers_none(newbox: RoomView) -> None:
    async def check(site: Site) -> None:
        (message,) = await elsewhere(say, "newbox", "hi")
        assert await answers(await elsewhere(services.ask_delivery, [("newbox", message.rev)])) == [0]

    with_a_clock(check)


def test_the_application_ticks_from_its_start_with_nobody_connected(newbox: RoomView) -> None:
    services.schedule_messages([Post("newbox", "later")], timezone.now() + HOUR)
    Scheduled.objects.update(due_at=timezone.now())
    to_server: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    from_server: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def pages(*args: object) -> None:
        raise AssertionError("no page was asked for")

    async def run() -> None:
        application = ChatApplication(pages)
        living = asyncio.create_task(application({"type": "lifespan"}, to_server.get, from_server.put))
        await to_server.put({"type": "lifespan.startup"})
        assert (await from_server.get())["type"] == "lifespan.startup.complete"
        await elsewhere(wait_until, lambda: history.messages_after(newbox.id, 0, 1), "the delivery")
        await to_server.put({"type": "lifespan.shutdown"})
        assert (await from_server.get())["type"] == "lifespan.shutdown.complete"
        await living

    asyncio.run(run())


def test_retention_takes_away_what_is_too_old(newbox: RoomView) -> None:
    say("newbox", *"abc")
    Message.objects.filter(seq__lt=3).update(created_at=timezone.now() - HOUR)
    Room.objects.update(retention=HOUR / 2)

    async def check(site: Site) -> None:
        def pruned() -> bool:
            return list(Message.objects.values_list("seq", flat=True)) == [3]

        await elsewhere(wait_until, pruned, "the clock's prune")
        room = await elsewhere(Room.objects.get)
        assert (room.floor, room.seq_floor) == (2, 2)

    with_a_clock(check)


def test_retention_is_left_to_another_process_that_is_at_it(newbox: RoomView) -> None:
    say("newbox", *"abc")
    Message.objects.update(created_at=timezone.now() - HOUR)
    Room.objects.update(retention=HOUR / 2)
    services.schedule_messages([Post("newbox", "later")], timezone.now() + HOUR)
    Scheduled.objects.update(due_at=timezone.now())

    async def check(site: Site) -> None:
        await elsewhere(wait_until, Message.objects.filter(seq=4).exists, "what is due")  # the same round goes on to it
        assert (await elsewhere(Room.objects.get)).floor == 0

    with only_one_prunes(0):
        with_a_clock(check)
    with_a_clock(pruned_at_last)


async def pruned_at_last(site: Site) -> None:
    await elsewhere(wait_until, Room.objects.filter(floor=3).exists, "the clock's prune")
