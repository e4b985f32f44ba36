"""The soak proper: two servers, people in three rooms, commands, and one fault after the other; then all is checked.

    python -m tests.soak.run --minutes 2

Exit code 1 if a promise was broken.
"""

import argparse
import asyncio
import gc
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.acceptance.contents import stored
from tests.acceptance.faulty_network import FaultyNetwork
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import PATIENCE, Crowd, Stopwatch
from tests.acceptance.site import PROJECT, ChatSite
from tests.bench.load.ours import ENV
from tests.soak import use
from tests.soak.report import write
from tests.soak.samples import Sampler
from tests.soak.trouble import Trouble

#: People at each server, by room.
ROOMS = {"soak-1": 20, "soak-2": 10, "soak-3": 10}
#: Seconds for which the capacity is measured, and the share of it that the soak takes.
MEASURED_S, SHARE = 10.0, 1 / 3
PEOPLE = 20


@dataclass
class Soak:
    """One run, and what came of it."""

    minutes: float
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    crowds: list[Crowd] = field(default_factory=list)
    #: Posts a second that everybody had, with nothing wrong.
    capacity: float = 0.0
    #: What breaks a promise; empty is what is hoped for.
    broken: list[str] = field(default_factory=list)

    async def run(self, one: ChatSite, two: ChatSite, networks: tuple[FaultyNetwork, FaultyNetwork]) -> None:
        """Everything from the first person to the last check."""
        self.chance = random.Random(self.seed)
        cookies = await asyncio.to_thread(one.sign_in, *(f"person{number}" for number in range(PEOPLE)))
        self.tail = use.Tail(one, self.chance)
        self.commands = use.Commands(one, list(ROOMS), self.ledger)
        async with AsyncExitStack() as stack:
            for room, size in ROOMS.items():
                for network in networks:
                    crowd = Crowd(network, room, cookies, size, self.ledger, stopwatch=self.stopwatch)
                    self.crowds.append(await stack.enter_async_context(crowd))
            self.capacity = await self._measure()
            await self._use(one, two, networks, cookies[0])
            await self._check(one, two)

    async def _measure(self) -> float:
        """Posts a second when everybody in a room posts again as soon as all of them have their answers."""
        begun = time.monotonic()

        async def busy(crowd: Crowd) -> int:
            count = 0
            while time.monotonic() - begun < MEASURED_S:
                await crowd.post(len(crowd.people), 1e9)
                count += len(crowd.people)
            return count

        counts = await asyncio.gather(*map(busy, self.crowds))
        await self._even()
        return sum(counts) / (time.monotonic() - begun)

    async def _use(
        self, one: ChatSite, two: ChatSite, networks: tuple[FaultyNetwork, FaultyNetwork], cookie: str
    ) -> None:
        """For its minutes; what is under way is brought to its end."""
        self.trouble = Trouble(one, two, networks, cookie, self.chance)
        self.stopwatch.lap()
        self.sampler = Sampler(one, two, self.stopwatch, self.crowds, self.trouble.begun)
        until, rate = self.trouble.begun + 60 * self.minutes, SHARE * self.capacity / len(self.crowds)
        aside = [
            asyncio.create_task(work)
            for work in (self.sampler.go_on(), self.tail.go_on(), use.read(self.crowds, self.chance))
        ]
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self.trouble.go_on(until))
                work.create_task(self.commands.go_on(until))
                for crowd in self.crowds:
                    work.create_task(use.post(crowd, rate, until, self.chance))
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)

    async def _check(self, one: ChatSite, two: ChatSite) -> None:
        await self._even()
        self.tail.start_again()
        rooms = await asyncio.to_thread(stored, one)
        try:
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(self.tail.has, rooms):  # noqa: ASYNC110  a file grows
                    await asyncio.sleep(0.2)
        except TimeoutError:
            self.broken.append(f"I4 chat_tail has not come to the end within {PATIENCE:g} s")
        await asyncio.to_thread(self.tail.stop)
        log = one.stderr + two.stderr + self.tail.errors()
        self.broken += self.ledger.faults(rooms, log) + self.tail.faults(rooms)

    async def _even(self) -> None:
        await asyncio.gather(*(crowd.until_even() for crowd in self.crowds))


def main(argv: Sequence[str]) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=7, help="the order of what goes wrong follows from it")
    parser.add_argument("--output", type=Path, help="a folder for the report (var/soak/DATE-TIME)")
    parser.add_argument(
        "--figures", type=Path, help="lines of JSON that fault tests have written: they join the report"
    )
    options = parser.parse_args(argv)
    folder = options.output or PROJECT / "var" / "soak" / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    soak = Soak(options.minutes, options.seed)
    gc.disable()  # millions of frames are kept: looking for garbage among them would stop everybody for seconds
    with ExitStack() as stack:
        one = stack.enter_context(ChatSite(ENV))
        two = stack.enter_context(ChatSite(beside=one))
        for room in ROOMS:
            done = one.manage("create_room", room)
            assert done.returncode == 0, done.stderr
        networks = tuple(stack.enter_context(FaultyNetwork(site.host, site.port)) for site in (one, two))
        asyncio.run(soak.run(one, two, (networks[0], networks[1])))
    report = write(soak, folder, options.figures)
    sys.stdout.write(f"{report}\n")
    return 1 if soak.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
