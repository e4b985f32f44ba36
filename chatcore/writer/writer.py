"""The writes of a server's sockets: each room has its lane, always the same one, so that its own order is kept."""

import asyncio
import logging
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from chatcore import conf
from chatcore.database import connection
from chatcore.exceptions import Unavailable
from chatcore.names import room_key
from chatcore.services import Post, Posted, post_messages, save_read_marks
from chatcore.signals import SignalThread
from chatcore.writer.lane import DEADLINE, Announce, Done, Lane

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Posts that may wait in all.
_MOST_WAITING = 10_000
_READ_MARKS_EVERY = 1.0
#: Seconds that read marks may keep posts waiting.
_MARKS_PATIENCE = 0.5


class Writer:
    """Lanes of group commit; `announce` gets, in the event loop, what was committed."""

    def __init__(self, announce: Announce) -> None:
        names = ["commits"] + [f"commits-{number}" for number in range(2, commit_threads() + 1)]
        self._signals = SignalThread()
        self.lanes = [Lane(name, announce, self._signals.tell) for name in names]
        self._marks: dict[tuple[int, str], int] = {}
        self._marking: asyncio.Task[None] | None = None

    @property
    def failed_at(self) -> float | None:
        """When storing a batch failed as a whole, of `time.monotonic`; None if each lane has stored one since."""
        return max((lane.failed_at for lane in self.lanes if lane.failed_at is not None), default=None)

    @property
    def busy_since(self) -> float | None:
        """Since when the slowest lane carries out one call, of `time.monotonic`; None while none has anything to do."""
        started = [lane.thread.busy_since for lane in self.lanes]
        return min((since for since in started if since is not None), default=None)

    def post(self, post: Post, done: Done) -> None:
        """Queue the post; `done` gets the outcome once it is on disk or refused, within five seconds."""
        if sum(map(len, self.lanes)) >= _MOST_WAITING:
            done(Unavailable("too much is waiting to be stored: try again in a moment"))
            return
        self.lane(post.room).post(post, done)

    async def run(self, service: Callable[..., T], room: str, *args: Any) -> T:
        """Another write of `services` to the room, such as an edit, in its lane; its result or its ChatError."""
        return await self.lane(room).run(service, room, *args)

    async def post_together(self, posts: Sequence[Post]) -> list[Posted]:
        """Store the posts, of any rooms, in one transaction, all or none. ChatError with the `index` of the one that
        is refused."""
        service = partial(post_messages, together=True, tell=self._signals.tell)
        return cast(list[Posted], await self.lane(posts[0].room).run(service, posts))  # a refusal is raised

    def mark_read(self, room_id: int, user_id: str, seq: int) -> None:
        """Move somebody's read mark; saved at once, or within a second of the last time."""
        key = (room_id, user_id)
        self._marks[key] = max(seq, self._marks.get(key, 0))
        if self._marking is None or self._marking.done():
            self._marking = asyncio.get_running_loop().create_task(self._save_marks())

    async def settled(self) -> None:
        """Return when nothing waits to be stored, and everybody who posted has been told."""
        while running := set().union(*(lane.tasks() for lane in self.lanes)):
            await asyncio.wait(running)

    async def close(self) -> None:
        """Commit what waits, save the read marks, end the threads."""
        running = set().union(*(lane.tasks() for lane in self.lanes))
        if self._marking is not None and not self._marking.done():
            running.add(self._marking)
        if running:
            await asyncio.wait(running, timeout=DEADLINE)
        for lane in self.lanes:
            lane.close()
        self._signals.close()

    def lane(self, room: str) -> Lane:
        """The lane of the room of this name, in any of its spellings."""
        if len(self.lanes) == 1:
            return self.lanes[0]
        return self.lanes[zlib.crc32(room_key(room).encode()) % len(self.lanes)]

    async def _save_marks(self) -> None:
        while self._marks:
            marks, self._marks = self._marks, {}
            try:
                await self.lanes[0].thread.run(save_read_marks, marks, timeout=_MARKS_PATIENCE)
            except Exception as error:
                logger.warning("read marks are saved later: %s", error)
                for (room_id, user_id), seq in marks.items():
                    self._marks[room_id, user_id] = max(seq, self._marks.get((room_id, user_id), 0))
            await asyncio.sleep(_READ_MARKS_EVERY)


def commit_threads() -> int:
    """How many threads of a server commit: SQLite has one writer at a time, other databases commit side by side."""
    return 1 if connection.vendor == "sqlite" else int(conf.settings.COMMIT_THREADS)
