"""A broker of one's own (CHAT_REDIS_URL): a wrong password, not there, lost midway, or lost by one of two servers."""

import asyncio
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.faults.posting import Commands, posting, worst
from tests.acceptance.faulty_network import FaultyNetwork
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite
from tests.acceptance.valkeys import OwnValkey
from tests.waiting import SOAK, wait_until

pytestmark = [pytest.mark.valkey, pytest.mark.slow]

CLIENTS = 6 if SOAK == 1 else 60
#: Seconds for which one of two servers is cut off.
CUT_OFF_S = 3.0 if SOAK == 1 else 60.0
GONE, BACK = "the live layer does not answer", "the live layer answers again"


def serves(site: ChatSite) -> None:
    """Whether the page is there, as for anybody."""
    with urllib.request.urlopen(f"{site.url}accounts/login/") as answer:
        assert answer.status == 200


def said(site: ChatSite, words: str) -> list[str]:
    """The lines of the server's log with these words."""
    return [line for line in site.stderr.splitlines() if words in line]


@pytest.mark.fault("F6")
@pytest.mark.parametrize("trouble", ["wrong password", "gone"])
@pytest.mark.parametrize("when", ["at the start", "midway"])
def test_without_its_broker_a_server_says_so_once_and_delivers_through_the_log(
    trouble: str, when: str, figures: Callable[..., None]
) -> None:
    ledger, late = Ledger(), list[float]()

    def spoil(broker: OwnValkey) -> None:
        if trouble == "gone":
            broker.kill()
            return
        with broker.client() as client:
            client.config_set("requirepass", "another one")
            client.client_kill_filter(skipme=True)

    def mend(broker: OwnValkey) -> None:
        broker.kill()
        broker.start()

    async def check(site: ChatSite, broker: OwnValkey) -> None:
        commands = Commands(site, "newbox", ledger)
        cookies = site.sign_in("alice", "bob")
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd) as took:
            if when == "midway":
                await commands.send("all is well")
                await asyncio.to_thread(spoil, broker)
            for _ in range(2 * min(SOAK, 5)):
                warning = await commands.send("the broker is in trouble")
                assert "the live layer does not answer" in warning
                assert warning.count("\n") == 1, warning
                assert "secret" not in warning
                late.append(await crowd.until_even())
                await asyncio.to_thread(serves, site)
            await asyncio.to_thread(wait_until, lambda: said(site, GONE), "the line that says so")
            await asyncio.to_thread(mend, broker)
            await asyncio.to_thread(wait_until, lambda: said(site, BACK), "the line that it is well again")
            await asyncio.to_thread(wait_until, broker.subscribers, "the server listens again")
            assert await commands.send("all is well again") == ""
            late.append(await crowd.until_even())
            assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures("F6", trouble=f"{trouble} {when}", on_pages_after_command_s=worst(late), ack_s=worst(took),
                command_s=worst(commands.took))  # fmt: skip

    with OwnValkey("secret") as broker:
        if when == "at the start":
            spoil(broker)
        with ChatSite(env={"CHAT_RATE": "off", "CHAT_REDIS_URL": broker.url}) as site:
            site.manage("create_room", "newbox")
            asyncio.run(check(site, broker))
            ledger.check(site)
            assert len(said(site, GONE)) == 1, site.stderr
            assert "secret" not in site.stderr + site.stdout


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=needs_postgresql)])
def two(request: pytest.FixtureRequest) -> Iterator[tuple[ChatSite, ChatSite, FaultyNetwork]]:
    """Two servers on one database, as on two machines; what the second one has of the broker passes the network."""
    with ExitStack() as stack:
        broker = stack.enter_context(OwnValkey())
        network = stack.enter_context(FaultyNetwork("127.0.0.1", broker.port))
        env = {"CHAT_RATE": "off", "CHAT_REDIS_URL": broker.url, "DJANGO_SECRET_KEY": "the same on both " * 4}
        if request.param == "PostgreSQL":
            env["DATABASE_URL"] = stack.enter_context(PostgreSQL()).url
        one = stack.enter_context(ChatSite(env=env))
        env.setdefault("DATABASE_URL", one.env.get("DATABASE_URL", f"sqlite:///{one.var_dir}/chat.sqlite3"))
        other = ChatSite(env=env | {"CHAT_REDIS_URL": f"redis://{network.host}:{network.port}"})
        two = stack.enter_context(other)
        assert one.manage("create_room", "newbox").returncode == 0
        yield one, two, network


@pytest.mark.fault("F7")
@pytest.mark.parametrize("how", ["silent", "refused"])
def test_a_server_that_is_cut_off_from_the_broker_finds_every_post_in_the_log(
    two: tuple[ChatSite, ChatSite, FaultyNetwork], how: str, figures: Callable[..., None]
) -> None:
    here, there, network = two
    cookies, ledger, late = here.sign_in("alice", "bob"), Ledger(), list[float]()

    async def scenario() -> None:
        commands = Commands(here, "newbox", ledger)
        async with (
            Crowd(here, "newbox", cookies, CLIENTS, ledger) as near,
            Crowd(there, "newbox", cookies, CLIENTS, ledger) as far,
        ):
            await commands.send("both hear it")
            await far.until_even(head=1)
            network.hold() if how == "silent" else cut(network)
            async with posting(near), posting(far):
                until = time.monotonic() + CUT_OFF_S
                while time.monotonic() < until:
                    head = await near.people[0].post("posted here")
                    late.append(await far.until_even(head=head))
            network.release()
            network.refusing = False
            await commands.send("both hear it again")
            await near.until_even()
            await far.until_even(head=near.people[0].view.rev or 0)
            assert {person.entries for person in near.people + far.people} == {1}, "nobody had to reconnect"
        figures("F7", how=how, clients=2 * CLIENTS, cut_off_s=CUT_OFF_S, on_pages_after_s=worst(late))

    asyncio.run(scenario())
    ledger.check(here)
    assert len(said(there, GONE)) <= 1, there.stderr


def cut(network: FaultyNetwork) -> None:
    network.refusing = True
    network.reset()
