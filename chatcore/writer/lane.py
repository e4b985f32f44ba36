"""Group commit in one thread: while one batch is being committed, the next one gathers.

There is no timer: a lone message waits for nothing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from chatcore import metrics
from chatcore.bell import Batch
from chatcore.database import DatabaseThread
from chatcore.exceptions import ChatError, Unavailable
from chatcore.services import Post, Posted, Tell, post_messages

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What one batch takes at most, in posts and in characters of text.
_BATCH_POSTS = 256
_BATCH_TEXT = 256 * 1024
#: Seconds that a write may take, with all its waiting.
DEADLINE = 5.0
#: Turns of the loop after a batch: it goes out to the sockets, they are read, and what they answer to it is posted.
#: Else that would be spread over two batches that take turns, each with all its writes.
_TURNS = 3

Announce = Callable[[Sequence[Batch]], None]
Done = Callable[[Posted | ChatError], None]


@dataclass(slots=True)
class _Waiting:
    post: Post
    done: Done
    since: float


class Lane:
    """One thread with its own connection commits; `announce` gets, in the event loop, what was committed."""

    def __init__(self, name: str, announce: Announce, tell: Tell) -> None:
        self._announce, self._post = announce, partial(post_messages, tell=tell)
        self.thread = DatabaseThread(name)
        #: When storing a batch failed as a whole, of `time.monotonic`; None once one was stored again.
        self.failed_at: float | None = None
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._others: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many posts wait for a batch."""
        return len(self._waiting)

    def post(self, post: Post, done: Done) -> None:
        """Queue the post; `done` gets the outcome once it is on disk or refused, within five seconds."""
        loop = asyncio.get_running_loop()
        self._waiting.append(_Waiting(post, done, loop.time()))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        if self._expiry is None:
            self._expiry = loop.call_later(DEADLINE, self._expire)

    async def run(self, service: Callable[..., T], *args: Any) -> T:
        """Another write of `services` in the same thread; its result or its ChatError."""
        task = asyncio.get_running_loop().create_task(self._announced(service, *args))
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        result: T = await asyncio.shield(task)  # who asked may leave; what was committed is announced all the same
        return result

    def tasks(self) -> set[asyncio.Task[Any]]:
        """What is not finished yet."""
        return {task for task in (self._task, *self._others) if task is not None and not task.done()}

    def close(self) -> None:
        """End the thread, once it has done what it was given."""
        if self._expiry is not None:
            self._expiry.cancel()
        self.thread.close()

    async def _run(self) -> None:
        """Commit until nothing waits. Whatever fails is told to those who wait for it; the lane lives on."""
        while self._waiting:
            batch = self._next_batch()
            batches: list[Batch] = []
            results: Sequence[Posted | ChatError]
            failed_at: float | None = None
            try:
                posts = [waiting.post for waiting in batch]
                deadline = batch[0].since + DEADLINE
                results = await self.thread.run(_in_time, deadline, self._post, posts, announce=batches.extend)
            except ChatError as error:
                results, failed_at = [error] * len(batch), time.monotonic()
            except Exception:
                logger.exception("a batch of %d posts failed", len(batch))
                results = [Unavailable("storing failed on the server: try again")] * len(batch)
                failed_at = time.monotonic()
            self.failed_at, stored_at = failed_at, time.monotonic()
            self._announce(batches)  # first: the rooms' own writes take along what is told now
            for waiting, result in zip(batch, results, strict=True):
                _tell(waiting, result)
            await asyncio.sleep(0)  # in this turn the rooms write it to their sockets
            _count(batch, results, stored_at)
            for _ in range(_TURNS - 1):
                await asyncio.sleep(0)

    async def _announced(self, service: Callable[..., T], *args: Any) -> T:
        deadline = time.monotonic() + DEADLINE
        batches: list[Batch] = []
        result = await self.thread.run(_in_time, deadline, service, *args, announce=batches.extend)
        self._announce(batches)
        return result

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < _BATCH_POSTS and size < _BATCH_TEXT:
            waiting = self._waiting.popleft()
            size += len(waiting.post.text)
            batch.append(waiting)
        return batch

    def _expire(self) -> None:
        """Refuse what has waited too long behind a database that hangs, and look again when the next one is due."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0].since + DEADLINE <= loop.time():
            _tell(
                self._waiting.popleft(),
                Unavailable("the database is too busy: nothing was stored, try again"),
            )
        self._expiry = None
        if self._waiting:
            self._expiry = loop.call_at(self._waiting[0].since + DEADLINE, self._expire)


def _in_time(deadline: float, service: Callable[..., T], *args: Any, announce: Announce) -> T:
    """The service, with what is left of the time that whoever asked for it has; the thread may have been busy."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise Unavailable("the database is too busy: nothing was stored, try again")
    return service(*args, announce=announce, timeout=left)


def _count(batch: Sequence[_Waiting], results: Sequence[Posted | ChatError], stored_at: float) -> None:
    """What was stored, and how long it took; `stored_at` and now are of `time.monotonic`, as asyncio's clock is."""
    metrics.batch_posts.observe(len(batch))
    now = time.monotonic()
    for waiting, result in zip(batch, results, strict=True):
        if isinstance(result, Posted) and result.outcome == "sent":
            metrics.messages_stored.add()
            metrics.post_to_disk.observe(stored_at - waiting.since)
            metrics.post_to_sockets.observe(now - waiting.since)


def _tell(waiting: _Waiting, result: Posted | ChatError) -> None:
    try:
        waiting.done(result)
    except Exception:
        logger.exception("telling the outcome of a post failed")
