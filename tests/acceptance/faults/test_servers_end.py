"""A server that is killed, stopped or restarted while people read and write: nothing is lost, all come back."""

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK

RATE = 20.0
#: Messages that are posted meanwhile.
MESSAGES = 80 if SOAK == 1 else 600
CLIENTS = 20 if SOAK == 1 else 300
AVALANCHE = 100 if SOAK == 1 else 1000

pytestmark = pytest.mark.slow


@pytest.mark.fault("F1")
def test_a_killed_server_is_met_again_by_everybody_and_nothing_is_lost(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            posting = asyncio.create_task(crowd.post(MESSAGES, RATE))
            await crowd.until_even(head=10)
            await asyncio.to_thread(site.kill)
            await asyncio.sleep(2)  # the outage
            await asyncio.to_thread(site.start)
            back_after = await crowd.until_back()
            await posting
            even_after = await crowd.until_even()
            figures("F1", clients=CLIENTS, back_after_s=round(back_after, 2), even_after_s=round(even_after, 2), lost=0)
            ledger.check(site)

    asyncio.run(scenario())


@pytest.mark.fault("F2")
def test_a_stopped_server_sends_everybody_away_to_come_back_and_what_was_sent_is_stored_once(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            posting = asyncio.create_task(crowd.post(MESSAGES, 4 * RATE))
            await crowd.until_even(head=10)
            begun = time.monotonic()
            assert await asyncio.to_thread(site.stop) == 0
            stopped_after = time.monotonic() - begun
            assert [person.view.closes for person in crowd.people] == [[1012]] * CLIENTS
            ledger.check(site)  # what was acknowledged up to now is stored
            await asyncio.to_thread(site.start)
            back_after = await crowd.until_back()
            await posting
            await crowd.until_even()
            assert crowd.people[0].view.posted == list(range(1, MESSAGES + 1))
            figures("F2", clients=CLIENTS, stopped_after_s=round(stopped_after, 2), back_after_s=round(back_after, 2))
            ledger.check(site)

    asyncio.run(scenario())


@pytest.mark.fault("F10")
def test_an_avalanche_of_people_who_come_back_finds_everything(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, AVALANCHE, ledger) as crowd:
            await crowd.post(50, 50)
            await crowd.until_even(head=50)
            assert await asyncio.to_thread(site.stop) == 0
            missed = "\n".join(f"missed {number}" for number in range(100))
            done = await asyncio.to_thread(site.manage, "chat_send", "-q", "newbox", "--lines", input=missed)
            assert done.returncode == 0, done.stderr
            await asyncio.to_thread(site.start)
            back_after = await crowd.until_back()
            even_after = await crowd.until_even(head=150)
            entries = [person.entries for person in crowd.people]
            figures(
                "F10", clients=AVALANCHE, back=AVALANCHE - crowd.away(), back_after_s=round(back_after, 2),
                even_after_s=round(even_after, 2), entries_most=max(entries), lost=0,
            )  # fmt: skip
            assert all(person.view.posted == list(range(1, 151)) for person in crowd.people)
            ledger.check(site)

    asyncio.run(scenario())
