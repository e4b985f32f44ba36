"""Who is in a room: every server tells of its own sockets, and all hear of everybody. The rounds are the tests' own."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from chatcore import services
from chatcore.clock import Clock
from chatcore.events import Present
from chatcore.history import RoomView
from chatcore.history.presence import People, present_counts, present_people
from chatcore.hub import Census
from chatcore.models import Lease, Presence
from chatcore.presence import HOLD
from tests.integration.sockets import Client, Frame, Site, elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

ALICE, BOB, CAROL = (
    User(pk=number, username=name, first_name=name.title())
    for number, name in enumerate(("alice", "bob", "carol"), start=1)
)
HERE = {
    user.username: {"id": str(user.pk), "name": user.username, "username": user.first_name}
    for user in (ALICE, BOB, CAROL)
}
HOUR = timedelta(hours=1)


class Server(Site):
    """One process, whose rounds come when the test says so."""

    async def __aenter__(self) -> "Server":
        await super().__aenter__()
        self.loop = asyncio.get_running_loop()
        self.census = Census(self.hub, "host:1", self.attend)
        return self

    def attend(self, found: Mapping[int, People]) -> None:
        self.loop.call_soon_threadsafe(self.hub.attend, found)

    async def round(self, later: float = 0.0) -> None:
        """One round, so many seconds later than now."""
        await elsewhere(self.census.take, time.monotonic() + later)

    @asynccontextmanager
    async def watched(self, user: User, room: str = "newbox") -> AsyncIterator["Watcher"]:
        async with self.hello(room, user) as client:
            await client.until("open")
            yield Watcher(client)


class Watcher:
    """A full client that works out who is there."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.people: dict[str, str] = {}

    async def news(self) -> Frame:
        """The next frame about who is there."""
        frame = await self.client.only("presence")
        if frame["people"] is not None:
            self.people = {person["id"]: person["name"] for person in frame["people"]}
        self.people |= {person["id"]: person["name"] for person in frame["joined"]}
        for gone in frame["left"]:
            del self.people[gone]
        return frame

    async def sees(self, *names: str) -> None:
        """The next frame tells that exactly these are there."""
        frame = await self.news()
        assert (sorted(self.people.values()), frame["count"]) == (sorted(names), len(names))


def with_servers(check: Callable[..., Awaitable[None]], count: int = 1) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            await check(*[await stack.enter_async_context(Server()) for _ in range(count)])

    asyncio.run(run())


def test_who_comes_in_is_told_who_is_there_and_the_others_that_he_came(newbox: RoomView) -> None:
    nothing: Frame = {"type": "presence", "room": "newbox", "people": None, "joined": [], "left": []}

    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice:
            await site.round()
            assert await alice.news() == {**nothing, "count": 1, "people": [HERE["alice"]]}
            async with site.watched(BOB) as bob:
                assert await bob.news() == {**nothing, "count": 2, "people": [HERE["alice"], HERE["bob"]]}
                await site.round()
                assert await alice.news() == {**nothing, "count": 2, "joined": [HERE["bob"]]}
            await site.round(HOLD)
            assert await alice.news() == {**nothing, "count": 1, "left": [HERE["bob"]["id"]]}

    with_servers(check)


def test_everybody_hears_of_people_on_all_servers(newbox: RoomView) -> None:
    async def check(here: Server, there: Server) -> None:
        async with here.watched(ALICE) as alice:
            await here.round()
            await alice.sees("alice")
            async with there.watched(BOB) as bob:
                await there.round()
                await bob.sees("alice", "bob")
                await here.round()
                await alice.sees("alice", "bob")
            await there.round(HOLD)
            await here.round()
            await alice.sees("alice")

    with_servers(check, 2)


def test_somebody_with_many_tabs_is_one_person_until_the_last_one_closes(newbox: RoomView) -> None:
    async def check(here: Server, there: Server) -> None:
        async with there.watched(BOB):
            async with here.watched(ALICE) as alice, here.watched(BOB), there.watched(BOB):
                await there.round()
                await here.round()
                await alice.sees("alice", "bob")
            await here.round(HOLD)
            await there.round(HOLD)
            counted = await elsewhere(present_people, [newbox.id])
            assert [person.name for person in counted[newbox.id].people or ()] == ["bob"]
        await there.round(HOLD)
        assert await elsewhere(present_counts, [newbox.id]) == {}

    with_servers(check, 2)


def test_who_reloads_the_page_was_never_away(newbox: RoomView) -> None:
    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice:
            async with site.watched(BOB):
                await site.round()
                await alice.sees("alice", "bob")
            await site.round(HOLD / 2)
            async with site.watched(BOB), site.watched(CAROL):
                await site.round(2 * HOLD)
                news = await alice.news()
                assert (news["joined"], news["left"]) == ([HERE["carol"]], [])

    with_servers(check)


def test_people_of_one_room_are_not_told_of_those_of_another(newbox: RoomView) -> None:
    services.create_room("ops")

    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice, site.watched(BOB, "ops") as bob:
            await site.round()
            await alice.sees("alice")
            await bob.sees("bob")

    with_servers(check)


def test_only_who_is_signed_in_is_somebody_whatever_the_client(newbox: RoomView, settings: object) -> None:
    settings.CHAT_GUESTS = "read"  # type: ignore[attr-defined]

    async def check(site: Server) -> None:
        guest_came = site.watched(AnonymousUser())  # type: ignore[arg-type]
        async with guest_came as guest, site.socket("newbox", BOB, full=False):
            await site.round()
            await guest.sees("bob")

    with_servers(check)


def test_the_people_of_a_server_that_died_are_gone_when_its_lease_is_over(newbox: RoomView) -> None:
    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice:
            await elsewhere(services.save_presence, "dead:1", 1, timezone.now() + HOUR, {bob_in(newbox): bob}, {})
            await site.round()
            await alice.sees("alice", "bob")
            await elsewhere(Lease.objects.filter(server="dead:1").update, until=timezone.now())
            await site.round()
            await alice.sees("alice")
            await elsewhere(Lease.objects.filter(server="dead:1").update, until=timezone.now() - HOUR)
            await site.round()
            assert await elsewhere(Presence.objects.values_list("user_name", flat=True).get) == "alice"

    bob = Present("2", "bob", "Bob")
    with_servers(check)


def test_a_server_that_stops_leaves_its_people_to_the_next_one(newbox: RoomView) -> None:
    async def check(first: Server) -> None:
        async with first.watched(BOB):
            await first.round()
            first.hub.presence.keep()  # as the application does when it is told to stop
        await first.round(HOLD)
        async with Server() as second, second.watched(ALICE) as alice:
            await second.round()
            await alice.sees("alice", "bob")
            async with second.watched(BOB):
                await second.round()
                await elsewhere(Lease.objects.exclude(server=lease_of(second)).delete)
                async with second.watched(CAROL):
                    await second.round()
                    news = await alice.news()
                    assert (news["joined"], news["left"]) == ([HERE["carol"]], [])

    with_servers(check)


def test_a_lease_that_was_taken_away_is_made_again_with_all_its_people(newbox: RoomView) -> None:
    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice:
            await site.round()
            await alice.sees("alice")
            await elsewhere(Lease.objects.all().delete)
            await site.round(HOLD)
            assert await elsewhere(present_counts, [newbox.id]) == {newbox.id: 1}

    with_servers(check)


def test_an_account_with_a_long_name_keeps_nobody_s_presence_from_being_stored(newbox: RoomView) -> None:
    people = [Present("1", "x" * 254, "X"), Present("2", "bob", "Bob")]
    here = {(newbox.id, person.id): person for person in people}
    services.save_presence("one:1", 1, timezone.now() + timedelta(hours=1), here, {})
    assert present_people([newbox.id])[newbox.id].people == [Present("2", "bob", "Bob"), Present("1", "x" * 150, "X")]


def test_a_crowd_is_counted_and_not_named(newbox: RoomView) -> None:
    crowd = {(newbox.id, str(number)): Present(str(number), f"p{number}", f"P {number}") for number in range(100, 200)}
    fewer = dict(list(crowd.items())[:50])

    async def check(site: Server) -> None:
        async with site.watched(ALICE) as alice:
            await site.round()
            await alice.sees("alice")
            await elsewhere(services.save_presence, "other", 1, timezone.now() + HOUR, crowd, {})
            await site.round()
            counted = await alice.news()
            assert (counted["count"], counted["people"], counted["joined"], counted["left"]) == (101, None, [], [])
            await elsewhere(services.save_presence, "other", 2, timezone.now() + HOUR, fewer, crowd)
            await site.round()
            named = await alice.news()
            assert (named["count"], len(named["people"])) == (51, 51)

    with_servers(check)


def test_where_nobody_is_nothing_is_written_and_where_nobody_came_or_went_nothing_is_told(newbox: RoomView) -> None:
    async def check(site: Server) -> None:
        await site.round()
        assert await elsewhere(Lease.objects.count) == 0
        async with site.watched(ALICE) as alice:
            await site.round()
            await alice.sees("alice")
            renewed = await elsewhere(Lease.objects.get)
            await site.round(HOLD)
            again = await elsewhere(Lease.objects.get)
            assert again.until > renewed.until
            assert again.version == renewed.version
            assert alice.client.waiting() == []
        await site.round(HOLD)
        assert await elsewhere(Lease.objects.count) == 0

    with_servers(check)


def test_the_clock_takes_the_rounds(newbox: RoomView) -> None:
    async def check(site: Server) -> None:
        user = await elsewhere(User.objects.create_user, "alice")  # the clock shows out whom nobody knows
        clock = Clock(site.hub, site.credentials)
        clock.start()
        async with site.watched(user) as alice:
            await alice.sees("alice")
        await clock.close()

    with_servers(check)


def bob_in(room: RoomView) -> tuple[int, str]:
    return room.id, "2"


def lease_of(server: Server) -> str:
    return server.census.server
