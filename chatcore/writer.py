"""Group commit for a server: while one batch is being committed, the next one gathers.

There is no timer: a lone message waits for nothing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chatcore.bell import Batch
from chatcore.database import DatabaseThread
from chatcore.exceptions import ChatError, Unavailable
from chatcore.services import Post, Posted, post_messages, save_read_marks

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What one batch takes at most, in posts and in characters of text.
_BATCH_POSTS = 256
_BATCH_TEXT = 256 * 1024
#: What may wait in all, and for how many seconds.
_MOST_WAITING = 10_000
_DEADLINE = 5.0
#: Turns of the loop after a batch: it goes out to the sockets, they are read, and what they answer to it is posted.
#: Else that would be spread over two batches that take turns, each with all its writes.
_TURNS = 3
_READ_MARKS_EVERY = 1.0
#: Seconds that read marks may keep posts waiting.
_MARKS_PATIENCE = 0.5

Announce = Callable[[Sequence[Batch]], None]


@dataclass(slots=True)
class _Waiting:
    post: Post
    done: Callable[[Posted | ChatError], None]
    since: float


class Writer:
    """One thread with its own connection commits; `announce` gets, in the event loop, what was committed."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._thread = DatabaseThread("commits")
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._others: set[asyncio.Task[Any]] = set()
        self._marks: dict[tuple[int, str], int] = {}
        self._marking: asyncio.Task[None] | None = None

    def post(self, post: Post, done: Callable[[Posted | ChatError], None]) -> None:
        """Queue the post; `done` gets the outcome once it is on disk or refused, within five seconds."""
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= _MOST_WAITING:
            done(Unavailable("too much is waiting to be stored: try again in a moment"))
            return
        self._waiting.append(_Waiting(post, done, loop.time()))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        if self._expiry is None:
            self._expiry = loop.call_later(_DEADLINE, self._expire)

    async def run(self, service: Callable[..., T], *args: Any) -> T:
        """Another write of `services` in the same thread, such as an edit; its result or its ChatError."""
        task = asyncio.get_running_loop().create_task(self._announced(service, *args))
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        result: T = await asyncio.shield(task)  # who asked may leave; what was committed is announced all the same
        return result

    def mark_read(self, room_id: int, user_id: str, seq: int) -> None:
        """Move somebody's read mark; saved at once, or within a second of the last time."""
        key = (room_id, user_id)
        self._marks[key] = max(seq, self._marks.get(key, 0))
        if self._marking is None or self._marking.done():
            self._marking = asyncio.get_running_loop().create_task(self._save_marks())

    async def settled(self) -> None:
        """Return when nothing waits to be stored, and everybody who posted has been told."""
        while running := [task for task in (self._task, *self._others) if task is not None and not task.done()]:
            await asyncio.wait(running)

    async def close(self) -> None:
        """Commit what waits, save the read marks, end the thread."""
        running = [task for task in (self._task, self._marking, *self._others) if task is not None]
        if running:
            await asyncio.wait(running, timeout=_DEADLINE)
        if self._expiry is not None:
            self._expiry.cancel()
        self._thread.close()

    async def _run(self) -> None:
        """Commit until nothing waits. Whatever fails is told to those who wait for it; the writer lives on."""
        while self._waiting:
            batch = self._next_batch()
            batches: list[Batch] = []
            results: Sequence[Posted | ChatError]
            try:
                posts = [waiting.post for waiting in batch]
                deadline = batch[0].since + _DEADLINE
                results = await self._thread.run(_in_time, deadline, post_messages, posts, announce=batches.extend)
            except ChatError as error:
                results = [error] * len(batch)
            except Exception:
                logger.exception("a batch of %d posts failed", len(batch))
                results = [Unavailable("storing failed on the server: try again")] * len(batch)
            self._announce(batches)  # first: the rooms' own writes take along what is told now
            for waiting, result in zip(batch, results, strict=True):
                _tell(waiting, result)
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def _announced(self, service: Callable[..., T], *args: Any) -> T:
        deadline = time.monotonic() + _DEADLINE
        batches: list[Batch] = []
        result = await self._thread.run(_in_time, deadline, service, *args, announce=batches.extend)
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
        while self._waiting and self._waiting[0].since + _DEADLINE <= loop.time():
            _tell(
                self._waiting.popleft(),
                Unavailable("the database is too busy: nothing was stored, try again"),
            )
        self._expiry = None
        if self._waiting:
            self._expiry = loop.call_at(self._waiting[0].since + _DEADLINE, self._expire)

    async def _save_marks(self) -> None:
        while self._marks:
            marks, self._marks = self._marks, {}
            try:
                await self._thread.run(save_read_marks, marks, timeout=_MARKS_PATIENCE)
            except Exception as error:
                logger.warning("read marks are saved later: %s", error)
                for (room_id, user_id), seq in marks.items():
                    self._marks[room_id, user_id] = max(seq, self._marks.get((room_id, user_id), 0))
            await asyncio.sleep(_READ_MARKS_EVERY)


def _in_time(deadline: float, service: Callable[..., T], *args: Any, announce: Announce) -> T:
    """The service, with what is left of the time that whoever asked for it has; the thread may have been busy."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise Unavailable("the database is too busy: nothing was stored, try again")
    return service(*args, announce=announce, timeout=left)


def _tell(waiting: _Waiting, result: Posted | ChatError) -> None:
    try:
        waiting.done(result)
    except Exception:
        logger.exception("telling the outcome of a post failed")
