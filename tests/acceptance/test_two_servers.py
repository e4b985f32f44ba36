"""Two servers on one database and one broker: who is there, and what becomes of people, is the same on both."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.clients import Reader
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def sites() -> Iterator[tuple[ChatSite, ChatSite]]:
    with ChatSite() as one, ChatSite(beside=one) as two:
        one.manage("create_room", "newbox")
        yield one, two


def who(site: ChatSite) -> set[str]:
    """Who is in the room, by the command."""
    done = site.manage("chat_rooms", "who", "newbox", "--json")
    assert done.returncode == 0, done.stderr
    return {json.loads(line)["name"] for line in done.stdout.splitlines()}


async def elsewhere(call: Callable[..., object], *args: object) -> object:
    return await asyncio.to_thread(call, *args)


async def agree(site: ChatSite, here: set[str], *readers: Reader) -> None:
    """Wait until the command and every reader say that these people are there."""
    for reader in readers:
        await reader.until(lambda: reader.here == here, f"{here} instead of {reader.here}")  # noqa: B023
    await elsewhere(lambda: wait_until(lambda: who(site) == here, f"{here} by the command"))


def test_who_is_there_is_right_through_joins_leaves_the_death_of_a_server_and_its_return(
    sites: tuple[ChatSite, ChatSite],
) -> None:
    one, two = sites
    cookies = dict(zip(names := ("alice", "bob", "carol"), one.sign_in(*names), strict=True))

    async def check() -> None:
        alice, bob, carol = (
            Reader(site, "newbox", cookies[name]) for site, name in zip((one, two, two), names, strict=True)
        )
        async with alice, bob:
            await agree(one, {"alice", "bob"}, alice, bob)
            async with carol:
                await agree(two, {"alice", "bob", "carol"}, alice, bob, carol)
            await agree(one, {"alice", "bob"}, alice, bob)
            await elsewhere(two.kill)
            await agree(one, {"alice"}, alice)  # when the lease of the dead is over
            await elsewhere(two.start)
            await bob.disconnect()
            await bob.connect()
            await agree(two, {"alice", "bob"}, alice, bob)

    asyncio.run(check())


def test_an_outage_shorter_than_the_lease_shows_no_leave(sites: tuple[ChatSite, ChatSite]) -> None:
    one, two = sites
    cookies = one.sign_in("alice", "bob")

    async def check() -> None:
        alice, bob = Reader(one, "newbox", cookies[0]), Reader(two, "newbox", cookies[1])
        async with alice, bob:
            await agree(one, {"alice", "bob"}, alice, bob)
            told = len(alice.news)
            await elsewhere(two.kill)
            await bob.disconnect()
            bob.site = one
            await bob.connect()
            await agree(one, {"alice", "bob"}, bob)
            await elsewhere(lambda: wait_until(lambda: leases(one) == 1, "the end of the dead server's lease"))
            assert not [event for event in alice.news[told:] if event.get("left")]
            await agree(one, {"alice", "bob"}, alice, bob)

    asyncio.run(check())


def leases(site: ChatSite) -> int:
    """How many servers are thought to have people."""
    code = "from chatcore.models import Lease; from django.utils import timezone as t"
    done = site.manage("shell", "-v0", "-c", f"{code}; print(Lease.objects.filter(until__gt=t.now()).count())")
    return int(done.stdout)


@pytest.mark.parametrize("crowd", [80, 500])
def test_a_crowd_that_comes_back_at_once_is_told_of_once_a_second_and_not_once_a_person(
    sites: tuple[ChatSite, ChatSite], crowd: int
) -> None:
    one, two = sites
    cookies = one.sign_in("alice", *(f"user{number}" for number in range(crowd)))

    async def check() -> None:
        people = [Reader(two, "newbox", cookie) for cookie in cookies[1:]]
        async with Reader(one, "newbox", cookies[0]) as alice:
            await all_at_once(people, Reader.connect)
            await alice.until(lambda: counted(alice) == crowd + 1, "the crowd")
            told = len(alice.news)
            await elsewhere(two.kill)
            for person in people:
                await person.disconnect()
                person.site, person.news = one, []
            began = asyncio.get_running_loop().time()
            await all_at_once(people, Reader.connect)
            await alice.until(lambda: counted(alice) == crowd + 1, "the crowd again")
            for person in people:
                await person.until(lambda: counted(person) == crowd + 1, "everybody")  # noqa: B023
            seconds = asyncio.get_running_loop().time() - began
            frames = [len(alice.news) - told, *(len(person.news) for person in people)]
            report = f"{crowd} people rejoined in {seconds:.1f} s: {sum(frames)} frames, at most {max(frames)} a socket"
            print(report)  # noqa: T201
            assert max(frames) <= seconds + 3, "one a second, and what is said on entering"
            await all_at_once(people, Reader.disconnect)

    asyncio.run(check())


def counted(reader: Reader) -> int:
    """How many people are there, as this reader was told last."""
    return int(reader.news[-1]["count"]) if reader.news else 0


async def all_at_once(people: list[Reader], do: Callable[[Reader], Awaitable[None]]) -> None:
    """Some at a time, so that the test's own machine can keep up."""
    gate = asyncio.Semaphore(50)

    async def one(person: Reader) -> None:
        async with gate:
            await do(person)

    await asyncio.gather(*map(one, people))


async def end_of_next(reader: Reader) -> int | None:
    """The code with which its next connection is closed."""
    try:
        await reader.connect()
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None
    await reader.until(lambda: reader.closed is not None, "the end of the socket")
    return reader.closed


#: What happens to bob, and what his sockets see of it: they are closed with that code, or told this.
FATES: dict[str, tuple[tuple[str, ...], int | dict[str, object]]] = {
    "banned": (("chat_user", "ban", "bob"), 4403),
    "muted": (("chat_user", "mute", "bob"), {"can_post": False}),
    "removed": (("chat_rooms", "members", "newbox", "--remove", "bob"), 4404),
    "archived": (("chat_rooms", "archive", "newbox"), {"can_post": False, "archived": True}),
    "renamed": (("chat_rooms", "rename", "newbox", "oldbox"), {"room": "oldbox", "can_post": True}),
    "deleted": (("chat_rooms", "delete", "newbox", "--confirm", "newbox"), 4404),
    "erased": (("chat_user", "erase", "bob", "--no-input"), 4401),
}


@pytest.mark.parametrize("fate", FATES)
def test_what_becomes_of_somebody_reaches_his_sockets_on_both_servers(
    sites: tuple[ChatSite, ChatSite], fate: str
) -> None:
    one, two = sites
    [cookie] = one.sign_in("bob")
    one.manage("create_room", "newbox", "--update", "--private", "--member", "bob")
    arguments, seen = FATES[fate]

    async def check() -> None:
        async with Reader(one, "newbox", cookie) as here, Reader(two, "newbox", cookie) as there:
            done = await elsewhere(one.manage, *arguments)
            assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
            began = asyncio.get_running_loop().time()
            for reader in (here, there):
                if fate == "deleted":  # as soon as they ask again
                    await reader.until(lambda: reader.closed is not None, "the end of the socket")  # noqa: B023
                    assert await end_of_next(reader) == seen
                elif isinstance(seen, int):
                    await reader.until(lambda: reader.closed == seen, f"the close code {seen}")  # noqa: B023
                else:
                    await reader.until(lambda: any(seen.items() <= news.items() for news in reader.news), str(seen))  # noqa: B023
            print(f"{fate}: both sockets know within {asyncio.get_running_loop().time() - began:.1f} s")  # noqa: T201
            if fate == "muted":
                await here.send({"type": "send", "message": "no", "client_id": "1"})
                await here.until(lambda: bool(here.replies), "the refusal")
                assert here.replies[-1]["code"] == "forbidden"

    asyncio.run(asyncio.wait_for(check(), DEADLINE_S * 3))
