"""The parent of the workers: from its signals to the end of the last one. It serves nothing itself."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatcli.workers.team import Team
from chatcli.workers.terminal import Terminal
from chatcli.workers.worker import Heritage

#: Seconds beyond twice its drain that a worker may take to end: the application's own, and a slow machine.
_END_S = 30.0


@dataclass(frozen=True)
class Parent:
    """Keeps `count` workers on these sockets until SIGTERM or SIGINT; SIGHUP replaces them in turn."""

    count: int
    heritage: Heritage
    drain: float
    say: Callable[[str], None]
    warn: Callable[[str], None]
    #: Called with the workers' processes when all serve for the first time, and whenever one is another.
    changed: Callable[[Sequence[int]], None]

    def run(self, terminal: Terminal) -> None:
        """Until they have ended. WorkerFailed if one does not get ready at the start."""
        try:
            asyncio.run(self._run(terminal))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # what is left to do is quick: the broker
                signal.signal(number, signal.SIG_IGN)

    async def _run(self, terminal: Terminal) -> None:
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        team = Team(
            self.count,
            self.heritage.worker,
            say=self.say,
            warn=self.warn,
            changed=self.changed,
            patience=2 * self.drain + _END_S,
        )

        def hang_up() -> None:
            if not terminal.gone:
                team.upgrade()
            elif not terminal.outlived:
                stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, hang_up)
        beginning, end = asyncio.create_task(team.begin()), asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([beginning, end], return_when=asyncio.FIRST_COMPLETED)
            if beginning.done():
                beginning.result()
            await end
            self.say("Stopping.")
        finally:
            beginning.cancel()
            await team.stop()
