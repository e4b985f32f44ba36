"""The workers of one parent: all at once at the start, one again when it dies, each in turn for an upgrade."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from chatcli.workers.worker import Worker, WorkerFailed

Say = Callable[[str], None]
Launch = Callable[[int], Awaitable[Worker]]

#: One that has served so many seconds is started again at once; else only after a pause, each twice as long.
_STEADY_S = 10.0
_LONGEST_PAUSE_S = 30.0


@dataclass
class Slot:
    """One worker's place. The lock is held while another one is put there."""

    number: int
    worker: Worker | None = None
    failures: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int:
        """The process that serves here; 0 while none does."""
        return self.worker.pid if self.worker is not None and self.worker.alive else 0

    def pause(self) -> float:
        """Seconds before the next try."""
        self.failures += 1
        return min(_LONGEST_PAUSE_S, 2.0 ** min(self.failures - 1, 5))


class Team:
    """So many workers, kept alive until `stop`. Belongs to the running loop."""

    def __init__(
        self,
        count: int,
        launch: Launch,
        *,
        say: Say,
        warn: Say,
        changed: Callable[[Sequence[int]], None],
        patience: float,
    ) -> None:
        """`changed` is called with the processes that serve, 0 for a place where none does. `patience`: seconds for a
        worker to end when it is told to."""
        self._slots = [Slot(number) for number in range(1, count + 1)]
        self._launch, self._say, self._warn, self._changed = launch, say, warn, changed
        self._patience = patience
        self._living: set[Worker] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._upgrading: asyncio.Task[None] | None = None
        self._again = False

    async def begin(self) -> None:
        """Start all; the first alone, so that what is wrong is said once. WorkerFailed."""
        first, *others = self._slots
        await self._fill(first)
        await asyncio.gather(*map(self._fill, others))
        self._changed(self._pids())
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self._slots]

    def upgrade(self) -> None:
        """Replace each worker in turn. Asked for meanwhile: once more when it is done, however often."""
        if not self._keepers:
            return  # they are only starting, or ending
        self._again = True
        if self._upgrading is None or self._upgrading.done():
            self._upgrading = asyncio.create_task(self._upgrade())

    async def stop(self) -> None:
        """End all at once."""
        tasks = [*self._keepers, *filter(None, [self._upgrading])]
        self._keepers = []  # no upgrade from now on
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop(self._patience, self._warn) for worker in self._living))

    def _pids(self) -> list[int]:
        return [slot.pid for slot in self._slots]

    async def _fill(self, slot: Slot) -> None:
        """Put a new worker there once it is ready. WorkerFailed."""
        worker = await self._launch(slot.number)
        self._living.add(worker)
        try:
            await worker.ready(self._warn)
        except WorkerFailed:
            self._living.discard(worker)
            raise
        slot.worker = worker

    async def _keep(self, slot: Slot) -> None:
        """Start a worker again when it has ended and nobody has put another one there."""
        while True:
            worker = slot.worker
            assert worker is not None
            await worker.ended()
            self._living.discard(worker)
            async with slot.lock:
                dead = slot.worker is worker
            if dead:
                await self._revive(slot, worker)

    async def _revive(self, slot: Slot, worker: Worker) -> None:
        end = worker.end
        if worker.served >= _STEADY_S:
            slot.failures, pause = 0, 0.0
        else:
            pause = slot.pause()
        while slot.worker is worker:
            self._changed(self._pids())
            self._warn(f"{end}; started again {f'in {pause:g} s' if pause else 'at once'}")
            await asyncio.sleep(pause)
            async with slot.lock:
                if slot.worker is not worker:
                    return  # an upgrade was quicker
                try:
                    await self._fill(slot)
                except WorkerFailed as failed:
                    end, pause = str(failed), slot.pause()
        self._changed(self._pids())

    async def _upgrade(self) -> None:
        while self._again:
            self._again = False
            self._say(f"Upgrading {len(self._slots)} workers, one after the other.")
            for slot in self._slots:
                if not await self._replace(slot):
                    break
            else:
                self._say(f"Upgraded: {len(self._slots)} workers.")

    async def _replace(self, slot: Slot) -> bool:
        """A new worker in place of the old one, which then drains. False: there is none, and the old one stays."""
        async with slot.lock:
            old = slot.worker
            assert old is not None
            try:
                await self._fill(slot)
            except WorkerFailed as failed:
                self._warn(f"{failed}; no upgrade: those that served go on")
                return False
            slot.failures = 0
        self._changed(self._pids())
        self._say(f"Worker {slot.number}: pid {slot.pid} in place of pid {old.pid}.")
        await old.stop(self._patience, self._warn)
        return True
