"""What goes wrong during a soak, one thing after the other in the order that a seed gives.

Server `one` is never restarted, so that its memory tells something; server `two` is.
"""

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field

from tests.acceptance.faulty_network import FaultyNetwork
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire

ROOM = "soak-1"
CALM = (4.0, 10.0)


@dataclass
class Event:
    """Something that went wrong, in seconds since the beginning."""

    name: str
    begun: float
    ended: float


@dataclass
class Trouble:
    """Two servers on one database, each behind a network."""

    one: ChatSite
    two: ChatSite
    networks: tuple[FaultyNetwork, FaultyNetwork]
    #: Of somebody who will not read.
    cookie: str
    chance: random.Random
    begun: float = field(default_factory=time.monotonic)
    events: list[Event] = field(default_factory=list)

    async def go_on(self, until: float) -> None:
        """One fault after the other, each once before any comes again, with some calm between them."""
        kinds: list[Callable[[], Awaitable[None]]] = []
        while True:
            kinds = kinds or self.chance.sample(list(self.kinds.values()), len(self.kinds))
            calm = self.chance.uniform(*CALM)
            if time.monotonic() + calm > until:
                return
            await asyncio.sleep(calm)
            fault = kinds.pop()
            event = Event(fault.__name__.replace("_", " "), time.monotonic() - self.begun, 0.0)
            self.events.append(event)
            await fault()
            event.ended = time.monotonic() - self.begun

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """All that can go wrong, by name."""
        faults = (
            self.server_killed, self.server_stopped, self.broker_killed, self.broker_hangs, self.connections_reset,
            self.network_gone, self.network_slow, self.clients_forgotten, self.database_locked, self.readers_asleep,
        )  # fmt: skip
        return {fault.__name__: fault for fault in faults}

    async def server_killed(self) -> None:
        await asyncio.to_thread(self.two.kill)
        await self._wait(1, 3)
        await asyncio.to_thread(self.two.start)

    async def server_stopped(self) -> None:
        code = await asyncio.to_thread(self.two.stop)
        await asyncio.to_thread(self.two.start)
        assert code == 0, f"the stopped server ended with {code}"

    async def broker_killed(self) -> None:
        if pid := await asyncio.to_thread(self.one.broker_pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def broker_hangs(self) -> None:
        if pid := await asyncio.to_thread(self.one.broker_pid):
            os.kill(pid, signal.SIGSTOP)
            await self._wait(3, 8)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def connections_reset(self) -> None:
        await asyncio.to_thread(self.chance.choice(self.networks).reset)

    async def network_gone(self) -> None:
        network = self.chance.choice(self.networks)
        network.hold()
        await self._wait(2, 8)
        network.release()

    async def network_slow(self) -> None:
        network = self.chance.choice(self.networks)
        network.down.delay_s, network.up.delay_s = 0.1, 0.05
        await self._wait(3, 8)
        network.down.delay_s = network.up.delay_s = 0.0

    async def clients_forgotten(self) -> None:
        """They notice by themselves, half a minute later and more."""
        await asyncio.to_thread(self.chance.choice(self.networks).forget_clients)
        await self._wait(40, 45)

    async def database_locked(self) -> None:
        await asyncio.to_thread(self._lock, self.chance.uniform(0.5, 4.0))

    async def readers_asleep(self) -> None:
        sleepers = await asyncio.gather(*(asyncio.to_thread(self._sleeper) for _ in range(3)))
        await self._wait(5, 10)
        for wire in sleepers:
            wire.socket.close()

    def _lock(self, seconds: float) -> None:
        path = self.one.var_dir / "chat.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    def _sleeper(self) -> Wire:
        wire = Wire(self.one.host, self.one.port, receive_buffer=4096)
        wire.open(f"/ws/chat/{ROOM}/?v=1", f"Cookie: {self.cookie}\r\n".encode())
        wire.send('{"type":"hello"}')
        return wire

    async def _wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self.chance.uniform(least, most))
