"""What becomes of each item: filtered, shown in order, then done with. The cursor never passes what was not shown."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from chatcli.filters import Filters
from chatcli.tail.options import Wanted
from chatcli.tail.progress import Progress
from chatcli.tail.sinks import Shown, Sink
from chatcli.tail.source import PAGE
from chatcli.tail.tracks import Entry, Item, Missing
from chatcore.events import Typing, decode_event, is_message

_MOST_WHISPERS = 100
_typing = msgspec.json.Decoder(Typing)


class Enough(Exception):
    """As many events as were wanted have been shown."""


class Delivery:
    """Takes items from all rooms, one at a time: who is slow keeps them all waiting, and nothing piles up."""

    def __init__(self, sink: Sink, filters: Filters, progress: Progress, wanted: Wanted) -> None:
        self._sink, self._filters, self._progress = sink, filters, progress
        self._changes, self._left = wanted.events != "messages", wanted.limit
        self._filtering = not filters.match_all
        self._step = 1 if sink.patience is None else PAGE
        self._turn = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._failure: Exception | None = None
        self._whispers: deque[bytes] = deque(maxlen=_MOST_WHISPERS)
        self._whispered = asyncio.Event()
        #: When something was shown last, by time.monotonic().
        self.shown_at = time.monotonic()

    async def take(self, item: Item) -> None:
        """See to the item. Enough, and what the sink raises. Cancelled, it finishes the step that has begun."""
        async with self._turn:
            if self._failure is not None:  # who has waited meanwhile must not go on
                raise self._failure
            try:
                await self._seen_to(item)
            except Exception as failure:
                self._failure = failure
                raise

    @property
    def busy(self) -> bool:
        """Whether something is being shown right now."""
        return self._turn.locked()

    def stop(self) -> None:
        """The end is near: finish the step that has begun, if that does not take too long."""
        self._sink.stop()
        if self._sink.patience is not None:
            asyncio.get_running_loop().call_later(self._sink.patience, self.hurry)

    def hurry(self) -> None:
        """Do not even finish that step."""
        self._hurry.set()

    def whisper(self, payload: bytes) -> None:
        """Something fleeting; forgotten when there is too much of it."""
        self._whispers.append(payload)
        self._whispered.set()

    async def tell_whispers(self) -> None:
        """Show what is whispered, without end."""
        while True:
            await self._whispered.wait()
            self._whispered.clear()
            while self._whispers:
                try:
                    typing = _typing.decode(self._whispers.popleft())
                except (ValueError, RecursionError):
                    continue  # a later version's
                async with self._turn:
                    await self._unbroken(self._sink.tell(typing))

    async def _seen_to(self, item: Item) -> None:
        if isinstance(item, Missing):
            await self._unbroken(self._tell(item))
            return
        start = 0
        while start < len(item):
            step = item[start : start + min(self._step, self._progress.step)]
            await self._unbroken(self._show(step))
            start += len(step)

    async def _show(self, step: Sequence[Entry]) -> None:
        shown, done = self._chosen(step)
        if shown:
            await self._sink.show(shown)
            self.shown_at = time.monotonic()
        for track, rev, payload in done:
            track.reached(rev, payload)
        self._progress.moved(len(shown))
        if self._left is not None:
            self._left -= len(shown)
            if not self._left:
                raise Enough
        await self._progress.save_step()

    def _chosen(self, step: Sequence[Entry]) -> tuple[list[Shown], Sequence[Entry]]:
        """What is to be shown, and all that is done with then: not more than is wanted."""
        shown: list[Shown] = []
        decoding = self._filtering or self._sink.decoded
        for number, (_, _, payload) in enumerate(step, 1):
            if not self._changes and not is_message(payload):
                continue
            event = decode_event(payload) if decoding else None
            if event is not None and not self._filters.matches(event):
                continue
            shown.append(Shown(payload, event))
            if len(shown) == self._left:
                return shown, step[:number]
        return shown, step

    async def _tell(self, missing: Missing) -> None:
        await self._sink.tell(missing.gap)
        missing.track.jumped(missing.gap)
        self._progress.moved(0)
        if missing.gap.reason == "deleted":
            self._progress.drop(missing.track)

    async def _unbroken(self, step: Coroutine[Any, Any, None]) -> None:
        """A step, to its end even if we are cancelled meanwhile, and again, unless there is a hurry."""
        task, hurry = asyncio.ensure_future(step), asyncio.ensure_future(self._hurry.wait())
        awaited: set[asyncio.Task[Any]] = {task}
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                awaited, cancelled = {task, hurry}, True
            if hurry in awaited and hurry.done():
                awaited = {task}
                task.cancel()
        hurry.cancel()
        if cancelled:
            await asyncio.gather(task, return_exceptions=True)
            raise asyncio.CancelledError
        task.result()
