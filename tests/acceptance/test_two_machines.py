"""Two servers on two addresses, a broker on a third and PostgreSQL on a fourth: as on real machines, with a network
between them that may fail for one of them alone.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.faults.posting import Commands, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd, Stopwatch
from tests.acceptance.machines import Machine, Machines, needs_machines
from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite
from tests.acceptance.valkeys import OwnValkey
from tests.waiting import DEADLINE_S, SOAK, wait_until

pytestmark = [*needs_postgresql, pytest.mark.valkey, pytest.mark.machines, pytest.mark.slow]

#: Clients on each server; what each of the crowds and the stream of lines posts; how fast; how long the cut is.
CLIENTS = 10 if SOAK == 1 else 100
EACH = 96 if SOAK == 1 else 1_650
RATE = 12.0 if SOAK == 1 else 13.75
CUT_S = 3.0 if SOAK == 1 else 60.0
#: The kernel gives a connection up while the cut lasts: after three quarters of a minute by itself, here sooner.
SETTINGS = f"""
import socket
from chatproject.settings import *
(host,) = CHANNEL_LAYERS["default"]["CONFIG"]["hosts"]
host["socket_keepalive_options"] = {{
    socket.TCP_KEEPIDLE: {CUT_S / 3:.0f}, socket.TCP_KEEPINTVL: {CUT_S / 3:.0f}, socket.TCP_KEEPCNT: 1
}}
"""
#: Commands that send one message each, meanwhile.
SINGLES = 12 if SOAK == 1 else 50


class SiteOn(ChatSite):
    """A site of which the server and the commands run on a machine."""

    def __init__(self, machine: Machine, env: dict[str, str]) -> None:
        super().__init__(env=env | {"CHAT_PUBLIC_URL": f"http://{machine.address}"})
        self._machine, self.host = machine, machine.address
        (self.var_dir / "own_settings.py").write_text(SETTINGS)
        self.env |= {"PYTHONPATH": str(self.var_dir), "DJANGO_SETTINGS_MODULE": "own_settings"}

    def command(self, *arguments: str) -> list[str]:
        return self._machine.command(*super().command(*arguments))


@dataclass
class Network:
    """Two sites on one database and one broker."""

    one: SiteOn
    two: SiteOn
    broker: OwnValkey
    machines: Machines

    def cut(self) -> None:
        """Between the second server and the broker."""
        self.machines.part(self.machines.all[1], self.machines.all[2])

    def mend(self) -> None:
        self.machines.join(self.machines.all[1], self.machines.all[2])


@pytest.fixture
def network() -> Iterator[Network]:
    needs_machines()
    with ExitStack() as stack:
        machines = stack.enter_context(Machines(4))
        *servers, middle, database = machines.all
        broker = stack.enter_context(OwnValkey(machine=middle))
        env = {
            "CHAT_RATE": "off",
            "DJANGO_SECRET_KEY": "the same on both " * 4,
            "CHAT_REDIS_URL": broker.url,
            "DATABASE_URL": stack.enter_context(PostgreSQL(database)).url,
        }
        one, two = (stack.enter_context(SiteOn(machine, env)) for machine in servers)
        assert one.manage("create_room", "newbox").returncode == 0
        yield Network(one, two, broker, machines)


async def send_lines(site: ChatSite, ledger: Ledger, count: int, rate: float) -> None:
    """One `chat_send --lines` into which a line comes now and then; what it says is stored goes into the ledger."""
    process = await asyncio.create_subprocess_exec(
        *site.command("chat_send", "newbox", "--lines", "--json"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=site.env, cwd="/",
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    async def feed(stdin: asyncio.StreamWriter) -> None:
        for number in range(count):
            stdin.write(f"line {number}\n".encode())
            await asyncio.sleep(1 / rate)
        stdin.close()

    feeding = asyncio.create_task(feed(process.stdin))
    async for line in process.stdout:
        message = json.loads(line)["message"]
        ledger.posted("newbox", message["seq"], message["message"])
    await feeding
    assert await process.wait() == 0


def test_all_that_is_posted_on_either_machine_is_with_everybody_once_and_in_order_while_one_is_cut_from_the_broker(
    network: Network, figures: Callable[..., None]
) -> None:
    one, two = network.one, network.two
    cookies, ledger, watch = one.sign_in(*(f"person{number}" for number in range(20))), Ledger(), Stopwatch()
    laps: dict[str, float] = {}

    def lap(name: str) -> None:
        _, deliveries = watch.lap()
        laps[f"{name}_p50_ms"] = round(1000 * deliveries.percentile(50), 1)
        laps[f"{name}_p99_ms"] = round(1000 * deliveries.percentile(99), 1)
        laps[f"{name}_worst_ms"] = round(1000 * deliveries.longest, 1)

    async def cut_in_the_middle() -> None:
        await asyncio.sleep(max(1.0, (EACH / RATE - CUT_S) / 2))
        lap("before")
        await asyncio.to_thread(network.cut)
        await asyncio.sleep(CUT_S)
        await asyncio.to_thread(network.mend)
        lap("cut")

    async def singles(commands: Commands) -> None:
        for number in range(SINGLES):
            await commands.send(f"command {number}")

    async def scenario() -> None:
        commands = Commands(two, "newbox", ledger)
        async with (
            Crowd(one, "newbox", cookies, CLIENTS, ledger, stopwatch=watch) as near,
            Crowd(two, "newbox", cookies, CLIENTS, ledger, stopwatch=watch) as far,
        ):
            async with asyncio.TaskGroup() as group:
                group.create_task(near.post(EACH, RATE, "on one"))
                group.create_task(far.post(EACH, RATE, "on two"))
                group.create_task(send_lines(one, ledger, EACH, RATE))
                group.create_task(singles(commands))
                group.create_task(cut_in_the_middle())
            for crowd in (near, far, near):
                await crowd.until_even()
            lap("after")
            total = 3 * EACH + SINGLES
            for person in near.people + far.people:
                assert person.view.posted == list(range(1, total + 1)), person.view.name
            assert {person.entries for person in near.people + far.people} == {1}, "nobody had to reconnect"
            ledger.check(one)
            await asyncio.to_thread(wait_until, lambda: network.broker.subscribers() >= 2, "both servers listen again")
        await asyncio.to_thread(wait_until, lambda: "answers again" in two.stderr, "word that the broker is back")
        figures("two machines", clients=2 * CLIENTS, messages=total, cut_s=CUT_S, **laps,
                command_s=worst(commands.took))  # fmt: skip

    asyncio.run(scenario())
    assert two.stderr.count("the live layer does not answer") == 1, two.stderr
    assert "live layer" not in one.stderr


def test_who_is_there_what_was_read_and_what_was_forbidden_is_the_same_on_both_machines(network: Network) -> None:
    one, two = network.one, network.two
    alice_cookie, bob_cookie = one.sign_in("alice", "bob")

    async def command(site: ChatSite, *arguments: str) -> dict[str, Any]:
        done = await asyncio.to_thread(site.manage, *arguments)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout) if "--json" in arguments else {}
        return found

    async def scenario() -> None:
        alice, bob = Reader(one, "newbox", alice_cookie), Reader(two, "newbox", bob_cookie)
        async with alice, bob:
            for reader in (alice, bob):
                await reader.until(lambda: reader.here == {"alice", "bob"}, f"both: {reader.here}")  # noqa: B023
            pushed = await command(one, "chat_send", "newbox", "to both", "--wait", "pushed", "--json")
            assert pushed["delivered"] == 2
            seen = asyncio.create_task(command(one, "chat_send", "newbox", "read it", "--wait", "seen", "--json"))
            await bob.until_seen(2)
            await bob.send({"type": "ack", "seq": 2})
            await seen
            for number in range(3):
                await command(two, "chat_send", "newbox", f"scheduled {number}", "--in", "1s", "--json")
            for reader in (alice, bob):
                await reader.until_seen(5)
            await command(one, "chat_send", "newbox", "the last")
            await alice.until_seen(6)
            texts = [text for text, _ in alice.view.messages.values()]
            assert sorted(texts[2:5]) == [f"scheduled {number}" for number in range(3)], "each of them once"
            await command(one, "chat_user", "ban", "bob")
            await bob.until(lambda: bob.closed == 4403, "the end of bob's socket on the other machine")
            await alice.until(lambda: alice.here == {"alice"}, "that bob has left")

    asyncio.run(asyncio.wait_for(scenario(), DEADLINE_S * 3))
