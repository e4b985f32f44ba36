"""Ringing: in order per room, coalesced while earlier rings are on their way, quiet after a failure."""

import asyncio
import atexit
import logging
import os
import threading
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from chatcore.bell.layer import (
    ALL,
    LONGEST_QUIET,
    NOBODY,
    NUDGE,
    PATIENCE,
    QUIET,
    RING,
    VERSION,
    WHISPER,
    Batch,
    channel_layer,
    configured,
    group_name,
    line,
)

logger = logging.getLogger(__name__)

#: Above this many bytes a ring carries numbers only: who hears it reads the log.
_LARGEST_PAYLOAD = 256 * 1024
#: So many rooms at most are rung one by one; more of them all at once, to everybody who listens to any room: a call
#: of the layer costs more than what it carries.
_FEW_ROOMS = 4
#: Seconds between two rounds of rings. A ring costs this process and the broker as much as some fifty people who get a
#: message: what comes meanwhile is one ring more. The first one after a silence waits for nothing.
_REST = 0.01
#: With so many rooms waiting the broker is behind: bare numbers, which are quick.
_MANY_ROOMS = 1000


class Bell:
    """Rings for one event loop: in order per room, coalesced while earlier rings are on their way.

    It never raises and never waits for a broker that failed a moment ago.
    """

    def __init__(self) -> None:
        #: Tells what this bell rang from what others did.
        self.origin = uuid.uuid4().hex
        self._waiting: dict[int, Batch] = {}
        self._whispers: dict[int, tuple[str, bytes]] = {}
        self._task: asyncio.Task[bool] | None = None
        self._rest_until = self._quiet_until = 0.0
        self._quiet = QUIET
        self._nudging = False
        #: Whether the layer did not take the latest ring; how many it took, and how many not.
        self.failing = False
        self.rung = self.failed = 0

    def ring(self, batches: Sequence[Batch]) -> "asyncio.Task[bool]":
        """Queue the rings; the task's result is whether all that waited were rung."""
        for batch in batches:
            self._waiting[batch.room_id] = _joined(self._waiting.get(batch.room_id), batch)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return self._task

    def whisper(self, room_id: int, epoch: str, payload: bytes) -> None:
        """Tell those who listen now something that is not stored; the latest of each room is enough."""
        self._whispers[room_id] = epoch, payload
        self.ring([])

    def nudge(self) -> "asyncio.Task[bool]":
        """Tell every server to look whether everybody may still be where he is; however many ask, one is enough."""
        self._nudging = True
        return self.ring([])

    async def check(self) -> None:
        """Ring nobody, to learn whether the layer takes it."""
        await self._send(NOBODY, self._as_ring([]))

    async def close(self) -> None:
        """Ring what waits, as far as the broker lets us."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE)

    async def _run(self) -> bool:
        rung, clock = True, asyncio.get_running_loop().time
        while self._waiting or self._whispers or self._nudging:
            if (rest := self._rest_until - clock()) > 0:
                await asyncio.sleep(rest)
            waiting, self._waiting = self._waiting, {}
            whispers, self._whispers = self._whispers, {}
            for group, batches in _grouped(list(waiting.values())):
                rung = await self._send(group, self._as_ring(batches)) and rung
            if self._nudging:
                self._nudging = False
                await self._send(ALL, {"type": NUDGE})
            for room_id, (epoch, payload) in whispers.items():
                whisper = {"type": WHISPER, "from": self.origin, "room": room_id, "epoch": epoch, "frame": payload}
                await self._send(group_name(room_id), whisper)
        return rung

    def _as_ring(self, batches: Sequence[Batch]) -> dict[str, Any]:
        rings = [[each.room_id, each.epoch, each.prev, each.head, list(each.payloads)] for each in batches]
        return {"type": RING, "v": VERSION, "from": self.origin, "rings": rings}

    async def _send(self, group: str, message: dict[str, Any]) -> bool:
        """Whether the layer took it; after a failure nothing is tried for a second, and longer after the next ones."""
        clock = asyncio.get_running_loop().time
        if clock() < self._quiet_until:
            return False
        if not configured():
            return True
        self._rest_until = clock() + _REST
        try:
            async with asyncio.timeout(PATIENCE):
                await channel_layer().group_send(group, message)
        except Exception as error:
            self._quiet_until = clock() + self._quiet
            self._quiet = min(2 * self._quiet, LONGEST_QUIET)
            self.failed += 1
            if not self.failing:
                logger.warning("the live layer does not answer (%s); readers go on through the log", line(error))
            self.failing = True
            return False
        self.rung += 1
        self._quiet = QUIET
        if self.failing:
            logger.warning("the live layer answers again")
        self.failing = False
        return True


def _grouped(batches: list[Batch]) -> Iterator[tuple[str, list[Batch]]]:
    """What goes into which group: a few rooms into their own, many into everybody's, in pieces of a sane size."""
    if len(batches) <= _FEW_ROOMS:
        yield from ((group_name(batch.room_id), [batch]) for batch in batches)
        return
    if len(batches) > _MANY_ROOMS:
        batches = [Batch(batch.room_id, batch.epoch, batch.prev, batch.head) for batch in batches]
    piece: list[Batch] = []
    size = 0
    for batch in batches:
        if size > _LARGEST_PAYLOAD:
            yield ALL, piece
            piece, size = [], 0
        piece.append(batch)
        size += sum(map(len, batch.payloads))
    yield ALL, piece


def _joined(waiting: Batch | None, batch: Batch) -> Batch:
    """Both as one ring, without the payloads where they do not follow each other or grow too large."""
    if waiting is None:
        joined = batch
    elif waiting.epoch != batch.epoch:
        return Batch(batch.room_id, batch.epoch, batch.prev, batch.head)
    elif waiting.payloads and batch.payloads and waiting.head == batch.prev:
        payloads = [*waiting.payloads, *batch.payloads]
        joined = Batch(batch.room_id, batch.epoch, waiting.prev, batch.head, payloads)
    else:  # of two threads the later commit may have been quicker here
        return Batch(batch.room_id, batch.epoch, min(waiting.prev, batch.prev), max(waiting.head, batch.head))
    if sum(map(len, joined.payloads)) > _LARGEST_PAYLOAD:
        return Batch(joined.room_id, joined.epoch, joined.prev, joined.head)
    return joined


class _RingingThread:
    """A loop of its own in which code without one rings: a channel layer belongs to one loop for its life."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # a forked child has the loop, but not the thread

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = Bell()
        self._nudge: Future[bool] | None = None

    def ring(self, batches: Sequence[Batch]) -> "Future[bool]":
        return self._start(self._rung(batches))

    def _start(self, work: Coroutine[Any, Any, bool]) -> "Future[bool]":
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="chat-bell", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _rung(self, batches: Sequence[Batch]) -> bool:
        return await self._bell.ring(batches)

    def nudge(self) -> None:
        if self._nudge is None or self._nudge.done():  # of many at once the first is enough
            self._nudge = self._start(self._nudged())

    async def _nudged(self) -> bool:
        return await self._bell.nudge()

    def finish(self) -> None:
        """A command that ends with a change lets the nudge out before."""
        if self._nudge is not None:
            with suppress(Exception):
                self._nudge.result(PATIENCE)


_thread = _RingingThread()
atexit.register(lambda: _thread.finish())


def ring(batches: Sequence[Batch], *, wait: float = 0.0) -> bool:
    """Ring from code that has no event loop of ours, such as a view, a task or a command.

    Waits at most `wait` seconds. True if all was rung or there is nothing to ring; with `wait` 0, True at once.
    """
    if not batches or not configured():
        return True
    with suppress(Exception):  # what is wrong with it is told by the bell
        channel_layer()  # its import, the first time, is not the broker's slowness
    rung = _thread.ring(batches)
    if wait <= 0:
        return True
    try:
        return rung.result(wait)
    except TimeoutError:
        return False


def nudge() -> None:
    """Have every server look soon whether all who are connected may still be where they are. Waits for nothing."""
    if configured():
        _thread.nudge()
