"""One run of a tail, in one event loop: the backlog, then what comes, until something ends it in order."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing, nullcontext
from datetime import UTC, datetime
from typing import Any

from chatcli.process import OutputLost, watching_reader
from chatcli.tail.delivery import Delivery, Enough
from chatcli.tail.ending import Signalled, TimeOver, catching_signals
from chatcli.tail.options import Wanted
from chatcli.tail.progress import Progress
from chatcli.tail.reading import backlog, live, page_size
from chatcli.tail.selection import Selection, no_match
from chatcli.tail.source import Source
from chatcli.tail.tracks import Track
from chatcore.exceptions import NotFound, RateLimited, Unavailable

#: Seconds between two looks at what nothing tells of.
_LOOK_EVERY = 0.5
#: What may be better the next time.
_PASSING = (Unavailable, RateLimited)
#: Seconds for which a handler may go on when the time is over.
_GRACE = 5.0
#: Clocks are set: the time until which to go on is looked at again so often, in seconds.
_CLOCK_EVERY = 30.0


class Session:
    """Everything between the options and the exit code."""

    def __init__(
        self,
        source: Source,
        wanted: Wanted,
        selection: Selection,
        progress: Progress,
        delivery: Delivery,
        talk: Callable[[str], None],
    ) -> None:
        """`talk` takes a line for the standard error."""
        self._source, self._wanted, self._selection, self._talk = source, wanted, selection, talk
        self._progress, self._delivery = progress, delivery
        self._started, self._begun = time.monotonic(), False

    async def run(self, output: Any, *, signals: bool) -> None:
        """Read until the end, and save the cursor, whatever that end is. `output`, if there is one, is
        watched: its reader may go.

        Raises TimeOver when a time is over, Signalled for a signal (only if we may catch them, by `signals`),
        OutputLost when the reader has gone, and what reading and showing raise.
        """
        self._end: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        watching = nullcontext() if output is None else watching_reader(output, self._reader_gone)
        with catching_signals(self._signalled, signals), watching:
            work = asyncio.create_task(self._work())
            saving = asyncio.create_task(self._progress.keep_saving())
            self._limit()
            ends: list[asyncio.Future[Any]] = [work, saving, self._end]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._delivery.stop()
                saving.cancel()
                work.cancel()
                results = await asyncio.gather(work, saving, return_exceptions=True)
                if self._begun:
                    await self._progress.save()
                self._progress.close()
        if self._end.done():
            raise self._end.result()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, (asyncio.CancelledError, Enough)):
                raise result

    # What ends it

    def _stop(self, reason: Exception) -> None:
        if isinstance(reason, TimeOver):  # a time is over; from cron there is nobody to send a second signal
            asyncio.get_running_loop().call_later(_GRACE, self._delivery.hurry)
        if not self._end.done():
            self._end.set_result(reason)

    def _signalled(self, number: int) -> None:
        if self._end.done():
            self._delivery.hurry()
        self._stop(Signalled(number))

    def _reader_gone(self) -> None:
        self._stop(OutputLost(BrokenPipeError()))

    def _limit(self) -> None:
        timeout = self._wanted.timeout
        if timeout is not None:
            left = max(0.0, self._started + timeout - time.monotonic())
            reason = TimeOver(f"nothing more to wait for: --timeout {timeout:g} s ran out")
            asyncio.get_running_loop().call_later(left, self._stop, reason)

    def _look_idle(self) -> None:
        idle = self._wanted.idle
        if idle is None:
            return
        left = idle if self._delivery.busy else self._delivery.shown_at + idle - time.monotonic()
        if left > 0:
            asyncio.get_running_loop().call_later(left, self._look_idle)
        else:
            self._stop(TimeOver(f"nothing came for --idle {idle:g} s"))

    def _left(self) -> float:
        """Seconds to the time until which to go on; without one there is no end to them."""
        until = self._wanted.until
        return float("inf") if until is None else (until - datetime.now(UTC)).total_seconds()

    # What is done

    async def _work(self) -> None:
        async with self._source as source:
            await self._progress.begin(source)
            tracks = self._progress.tracks.values()
            self._names = " ".join(track.name for track in tracks)
            unmatched = self._selection.unmatched([key for track in tracks for key in (track.key, track.chosen_key)])
            if unmatched and not self._wanted.follow:
                raise no_match(unmatched)
            if unmatched:
                self._talk(f"no room matches {' or '.join(unmatched)} yet: waiting for one")
            await self._progress.save()  # a folder that cannot be written is known before anything is printed
            self._begun = True
            await self._backlog(source)
            if not self._wanted.follow or self._left() <= 0:
                return
            await self._live_until(source)

    async def _backlog(self, source: Source) -> None:
        tracks = list(self._progress.tracks.values())
        if tracks:
            async with aclosing(backlog(source, tracks, patient=self._wanted.follow)) as items:
                async for item in items:
                    await self._delivery.take(item)

    async def _live_until(self, source: Source) -> None:
        """What comes, until the time is reached; then what came before it and has not been shown."""
        self._delivery.shown_at = time.monotonic()
        self._look_idle()
        living = asyncio.create_task(self._live(source))
        try:
            while not living.done() and (left := self._left()) > 0:
                await asyncio.wait({living}, timeout=min(left, _CLOCK_EVERY))
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        if not living.cancelled():
            living.result()
        await self._bound(source)
        await self._backlog(source)

    async def _bound(self, source: Source) -> None:
        """Find where the rooms' backlogs end, as soon as the source answers."""
        while True:
            try:
                await self._progress.bound(source)
                return
            except _PASSING:
                await asyncio.sleep(_LOOK_EVERY)

    async def _live(self, source: Source) -> None:
        """What comes to the rooms, and to those that come. NotFound when no room is left and none can come."""
        tasks = {asyncio.create_task(self._follow(source, track)) for track in self._progress.tracks.values()}
        if self._wanted.events == "all":
            tasks.add(asyncio.create_task(self._delivery.tell_whispers()))
        if self._selection.grows:
            tasks.add(asyncio.create_task(self._find_rooms(source, tasks)))
        try:
            while self._progress.tracks or self._selection.grows:
                done, _ = await asyncio.wait(tasks, timeout=_LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    tasks.discard(task)
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise NotFound("room", self._names, hint=": deleted meanwhile")

    async def _find_rooms(self, source: Source, tasks: set[asyncio.Task[None]]) -> None:
        while True:
            await asyncio.sleep(source.rooms_every)
            try:
                async for track in self._progress.join(source):
                    tasks.add(asyncio.create_task(self._follow(source, track)))
            except _PASSING:
                continue  # it does not answer now; the source says so

    async def _follow(self, source: Source, track: Track) -> None:
        page = page_size(len(self._progress.tracks))
        whispered = self._delivery.whisper if self._wanted.events == "all" else None
        rewinds = self._wanted.cursor_file is not None
        async with aclosing(live(source, track, page, whispered, rewinds=rewinds)) as items:
            async for item in items:
                await self._delivery.take(item)
