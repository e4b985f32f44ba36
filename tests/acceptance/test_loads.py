"""Loads under which the promises hold: people who come and go, a burst, a crowd that is far behind."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.clients import View
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.person import Person, full_jitter
from tests.acceptance.resources import Resources, connections, resources
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK, wait_until

pytestmark = pytest.mark.slow

#: Equal cycles; what the first ones ever cost is paid before the last two.
CYCLES = 3
#: Descriptors that threads open for the database as they need them and close when they are idle, whatever the load.
DATABASES = 30


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        site.manage("create_room", "newbox")
        yield site


@pytest.fixture
def cookies(site: ChatSite) -> list[str]:
    return site.sign_in(*(f"person{number}" for number in range(50)))


def at_rest(site: ChatSite) -> Resources:
    """What the server takes once everybody has left."""
    assert site.process is not None
    wait_until(lambda: not connections(site.port), "the end of the last connection")
    return resources(site.process.pid)


@pytest.mark.load("L4")
def test_people_who_come_and_go_two_hundred_a_second_leave_nothing_behind(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    """L4 and I8: the second of two equal cycles costs no memory and no descriptors."""
    rate, count = 200.0, 600 if SOAK == 1 else 6000
    done = site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(map(str, range(60))))
    assert done.returncode == 0, done.stderr

    async def visit(cookie: str) -> None:
        person = Person(site, "newbox", cookie, "visitor", full_jitter)
        async with asyncio.timeout(DEADLINE_S):
            await person.live.wait()
        await person.leave()

    async def cycle() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        gate = asyncio.Semaphore(100)

        async def guest(number: int) -> None:
            async with gate:
                await visit(cookies[number % len(cookies)])

        async with asyncio.TaskGroup() as visits:
            for number in range(count):
                await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
                visits.create_task(guest(number))
        return count / (loop.time() - begun)

    async def scenario() -> None:
        taken = []
        for _ in range(CYCLES):
            speed = await cycle()
            taken.append(await asyncio.to_thread(at_rest, site))
        figures(
            "L4", visits=count, per_second=round(speed), rss_mib=[round(one.rss / (1 << 20), 1) for one in taken],
            descriptors=[one.descriptors for one in taken], threads=[one.threads for one in taken],
        )  # fmt: skip
        *_, before, after = taken
        if SOAK > 1:  # fewer visits do not bring Python's garbage collector to where it stays
            assert after.rss < before.rss * 1.05
        assert after.threads == before.threads
        assert after.descriptors < before.descriptors + DATABASES

    asyncio.run(scenario())
    assert "Traceback" not in site.stderr


@pytest.mark.load("L6")
def test_a_burst_reaches_every_socket_whole(site: ChatSite, cookies: list[str], figures: Callable[..., None]) -> None:
    """L6. Who cannot keep up is dropped, comes back and misses nothing."""
    messages, clients = (500, 20) if SOAK == 1 else (5000, 200)
    ledger = Ledger()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, clients, ledger) as crowd:
            begun = asyncio.get_running_loop().time()
            await crowd.post(messages, 1e9)
            stored_after = asyncio.get_running_loop().time() - begun
            await crowd.until_even(head=messages)
            even_after = asyncio.get_running_loop().time() - begun
            assert all(person.view.posted == list(range(1, messages + 1)) for person in crowd.people)
            figures(
                "L6", messages=messages, clients=clients, stored_after_s=round(stored_after, 2),
                even_after_s=round(even_after, 2), per_second=round(messages * clients / even_after),
                dropped=sum(len(person.view.closes) for person in crowd.people),
            )  # fmt: skip
            ledger.check(site)

    asyncio.run(scenario())


@pytest.mark.load("L10")
def test_a_crowd_that_is_far_behind_catches_up_at_once(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    """L10."""
    clients, missed = (50, 100) if SOAK == 1 else (500, 500)
    done = site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(map(str, range(missed))))
    assert done.returncode == 0, done.stderr
    ledger = Ledger()

    async def scenario() -> None:
        crowd = Crowd(site, "newbox", cookies, clients, ledger, view=lambda: View(rev=0))
        begun = asyncio.get_running_loop().time()
        async with crowd:
            await crowd.until_even(head=missed)
            even_after = asyncio.get_running_loop().time() - begun
            assert all(person.view.posted == list(range(1, missed + 1)) for person in crowd.people)
            figures("L10", clients=clients, missed=missed, even_after_s=round(even_after, 2), lost=0)
            ledger.check(site)

    asyncio.run(scenario())
