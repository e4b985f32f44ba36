"""The site's own broker dies, hangs, drops its subscribers: sends succeed, and readers are told through the log.

On PostgreSQL, too: there the log has no bell of its own, and what a dead broker does not tell is found by the heads.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.acceptance.faults.posting import Commands, posting, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK, wait_until

pytestmark = [pytest.mark.valkey, pytest.mark.slow, pytest.mark.embedded("runchat's own broker is killed")]

CLIENTS = 10 if SOAK == 1 else 100
#: Seconds for which the broker hangs.
FROZEN_S = 3.0 if SOAK == 1 else 30.0


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=needs_postgresql)])
def site(request: pytest.FixtureRequest) -> Iterator[ChatSite]:
    if request.param == "SQLite":
        with ChatSite(env={"CHAT_RATE": "off"}) as site:
            yield prepared(site)
    else:
        with PostgreSQL() as server, ChatSite(env={"CHAT_RATE": "off", "DATABASE_URL": server.url}) as site:
            yield prepared(site)


def prepared(site: ChatSite) -> ChatSite:
    assert site.manage("create_room", "newbox").returncode == 0
    return site


@pytest.mark.fault("F3")
def test_of_a_killed_broker_nobody_notices_anything(site: ChatSite, figures: Callable[..., None]) -> None:
    cookies, ledger = site.sign_in(*(f"person{number}" for number in range(5))), Ledger()
    late: list[float] = []

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd) as took:
            for turn in range(2 * min(SOAK, 5)):
                killed = await asyncio.to_thread(site.broker_pid)
                os.kill(killed, signal.SIGKILL)
                for number in range(3):
                    await commands.send(f"broker {turn} is dead: {number}")
                    late.append(await crowd.until_even())
                await asyncio.to_thread(
                    wait_until, lambda killed=killed: site.broker_pid() not in (0, killed), "the next broker"
                )
            assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures(
            "F3",
            clients=CLIENTS,
            on_pages_after_command_s=worst(late),
            ack_s=worst(took),
            command_s=worst(commands.took),
        )

    asyncio.run(scenario())
    ledger.check(site)


@pytest.mark.fault("F4")
def test_a_broker_that_hangs_holds_nobody_up(site: ChatSite, figures: Callable[..., None]) -> None:
    cookies, ledger = site.sign_in(*(f"person{number}" for number in range(5))), Ledger()
    late: list[float] = []

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd) as took:
            frozen = await asyncio.to_thread(site.broker_pid)
            os.kill(frozen, signal.SIGSTOP)
            try:
                until = time.monotonic() + FROZEN_S
                while time.monotonic() < until:
                    warning = await commands.send("the broker hangs")
                    assert warning.count("\n") == 1, warning
                    assert warning.startswith("Warning: stored, but the live layer does not answer"), warning
                    late.append(await crowd.until_even())
                quiet = await asyncio.to_thread(site.manage, "chat_send", "-q", "newbox", "cron is not told")
                assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
            finally:
                os.kill(frozen, signal.SIGCONT)
            await asyncio.to_thread(wait_until, lambda: "answers again" in site.stderr, "word of the broker's return")
            assert await asyncio.to_thread(site.broker_pid) == frozen, "it was not replaced"
            assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures(
            "F4",
            clients=CLIENTS,
            on_pages_after_command_s=worst(late),
            ack_s=worst(took),
            command_s=worst(commands.took),
        )

    asyncio.run(scenario())
    ledger.check(site)


def cut_subscribers(broker: "redis.Redis") -> None:
    broker.client_kill_filter(_type="pubsub")


def cut_their_output(broker: "redis.Redis") -> None:
    """As of subscribers that read too slowly: more waits for them than they may have."""
    before = str(broker.config_get("client-output-buffer-limit")["client-output-buffer-limit"])
    cut = subscribers(broker)
    broker.config_set("client-output-buffer-limit", "pubsub 1 1 1")
    for channel in broker.pubsub_channels():
        broker.publish(channel, b"x" * 1_000_000)
    wait_until(lambda: not cut & subscribers(broker), "the end of the subscribers")
    broker.config_set("client-output-buffer-limit", before)


def subscribers(broker: "redis.Redis") -> set[str]:
    return {client["id"] for client in broker.client_list(_type="pubsub")}


def forget_everything(broker: "redis.Redis") -> None:
    broker.flushall()
    broker.script_flush()


@pytest.mark.fault("F5")
@pytest.mark.parametrize("harm", [cut_subscribers, cut_their_output, forget_everything])
def test_a_server_that_the_broker_has_cut_off_listens_again(
    site: ChatSite, harm: Callable[["redis.Redis"], None], figures: Callable[..., None]
) -> None:
    cookies, ledger = site.sign_in(*(f"person{number}" for number in range(5))), Ledger()
    late: list[float] = []

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        with redis.Redis(unix_socket_path=str(site.broker_socket)) as broker:
            listened = set(broker.pubsub_channels())
            async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd):
                await asyncio.to_thread(wait_until, lambda: len(broker.pubsub_channels()) > len(listened), "the room")
                listened = set(broker.pubsub_channels())
                await asyncio.to_thread(harm, broker)
                await commands.send("it was harmed just now")
                late.append(await crowd.until_even())
                heard = lambda: set(broker.pubsub_channels()) >= listened  # noqa: E731
                began = time.monotonic()
                await asyncio.to_thread(wait_until, heard, "the server listens again")
                again = time.monotonic() - began
                await commands.send("all is well again")
                late.append(await crowd.until_even())
                assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures("F5", harm=harm.__name__, on_pages_after_command_s=worst(late), listens_again_s=round(again, 2))

    asyncio.run(scenario())
    ledger.check(site)
