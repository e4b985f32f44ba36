"""What a bad network does to people who read and write: cut off, reset, half-open. Nothing is lost or repeated."""

import asyncio
import random
from collections.abc import Callable

import pytest

from tests.acceptance.faulty_network import FaultyNetwork
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK

pytestmark = pytest.mark.slow

RATE = 10.0
CLIENTS = 10 if SOAK == 1 else 50
#: For how many seconds everybody is cut off. After the longest nobody believes in his line any more.
OUTAGES = [2] if SOAK == 1 else [2, 20, 70]


@pytest.mark.fault("F8")
@pytest.mark.parametrize("seconds", OUTAGES)
def test_who_is_cut_off_for_a_while_has_everything_afterwards(
    site: ChatSite, cookies: list[str], figures: Callable[..., None], seconds: int
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        with FaultyNetwork(site.host, site.port) as network:
            async with (
                Crowd(network, "newbox", cookies, CLIENTS, ledger) as away,
                Crowd(site, "newbox", cookies, 3, ledger) as others,
            ):
                posting = [asyncio.create_task(away.post(20, RATE, "from afar"))]
                await others.post(10, RATE)
                network.hold()
                posting.append(asyncio.create_task(others.post(int(RATE * (seconds + 1)), RATE)))
                await asyncio.sleep(seconds)  # the outage
                network.release()
                back_after = await away.until_back()
                await asyncio.gather(*posting)
                even_after = await away.until_even()
                came_back = sum(person.entries - 1 for person in away.people)
                figures(
                    "F8", away_s=seconds, clients=CLIENTS, back_after_s=round(back_after, 2),
                    even_after_s=round(even_after, 2), reconnects=came_back, lost=0,
                )  # fmt: skip
                await others.until_even()
                ledger.check(site)

    asyncio.run(scenario())


@pytest.mark.fault("F8")
@pytest.mark.parametrize("fault", ["reset", "cut within a frame", *(["half-open"] if SOAK > 1 else [])])
def test_who_loses_his_connection_comes_back_to_everything(
    site: ChatSite, cookies: list[str], figures: Callable[..., None], fault: str
) -> None:
    ledger = Ledger()

    async def scenario() -> None:
        with FaultyNetwork(site.host, site.port) as network:
            if fault == "cut within a frame":
                network.down.cut_after = 5000
            async with Crowd(network, "newbox", cookies, CLIENTS, ledger) as crowd:
                network.down.cut_after = None
                posting = asyncio.create_task(crowd.post(40, RATE))
                await crowd.until_even(head=5)
                if fault == "reset":
                    network.reset()
                elif fault == "half-open":
                    network.forget_clients()
                async with asyncio.TaskGroup() as cut:
                    for person in crowd.people:
                        cut.create_task(person.until_entered(2))
                await posting
                await crowd.until_even()
                figures("F8", how=fault, clients=CLIENTS, reconnects=sum(p.entries - 1 for p in crowd.people), lost=0)
                ledger.check(site)

    asyncio.run(scenario())


@pytest.mark.fault("F9")
def test_on_a_jittery_network_everybody_has_every_message_once_and_in_order(
    site: ChatSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    clients, messages, rate, lifetime, offline = (300, 120, 2.0, 15.0, 2.0) if SOAK > 1 else (30, 40, 10.0, 1.5, 0.3)
    ledger = Ledger()

    async def scenario() -> None:
        with FaultyNetwork(site.host, site.port) as network:
            network.lifetime_s = lambda: random.uniform(0.2, 1.8) * lifetime
            async with (
                Crowd(network, "newbox", cookies, clients, ledger, pause=lambda _: offline) as crowd,
                Crowd(site, "newbox", cookies, 3, ledger) as others,
            ):
                await others.post(messages, rate)
                network.lifetime_s = None
                even_after = await crowd.until_even(head=messages)
                complete = sum(person.view.posted == list(range(1, messages + 1)) for person in crowd.people)
                figures(
                    "F9", clients=clients, messages=messages, complete=complete, even_after_s=round(even_after, 2),
                    resets=sum(len(person.view.closes) for person in crowd.people),
                )  # fmt: skip
                assert complete == clients
                await others.until_even()
                ledger.check(site)

    asyncio.run(scenario())
