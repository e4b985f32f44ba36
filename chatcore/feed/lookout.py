"""What one process hears of all its rooms: rings, the log's own bell, and every room's head once a second."""

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from django.db import Error, OperationalError

from chatcore import bell, history
from chatcore.bell import Batch
from chatcore.database import (
    Commits,
    DatabaseThread,
    connection,
    database_path,
    file_at,
    keep_connections,
    opening,
    reason_of,
)
from chatcore.history import Head

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two looks at the heads of all rooms, which also find the last ring of a quiet room.
_HEADS_EVERY = 1.0
#: The same where neither a layer nor the log's own bell tells of posts.
_HEADS_WITHOUT_LAYER = 0.25
#: Seconds for which a ring that is on its way may stay behind what the heads say.
_GRACE = 0.01
#: What may wait for a reader that is slower; beyond it the oldest is forgotten, and read from the log.
_MOST_RINGS, _MOST_BYTES = 1000, 1_048_576
#: Seconds after which a task is cancelled again: Python 3.11's `wait_for`, with which redis-py sends, may swallow it.
_CANCEL_AGAIN = 0.05


class Ear:
    """What a reader of one room has been told and has not used yet."""

    def __init__(self, room_id: int) -> None:
        self.room_id = room_id
        self._rings: deque[Batch] = deque()
        self._bytes = 0
        self.whispers: Callable[[str, bytes], None] | None = None
        self.told = asyncio.Event()
        self.deleted = False
        self._state: Head | None = None
        self._news = self._went_back = False
        self._first_look = self._seen_twice = False

    def ring(self, batch: Batch) -> None:
        """Somebody posted."""
        self._rings.append(batch)
        self._bytes += _size(batch)
        while len(self._rings) > _MOST_RINGS or (self._bytes > _MOST_BYTES and len(self._rings) > 1):
            self.next_ring()
        self.told.set()

    def next_ring(self) -> Batch | None:
        """The oldest ring that was not used yet, if there is one."""
        if not self._rings:
            return None
        batch = self._rings.popleft()
        self._bytes -= _size(batch)
        return batch

    def look(self, state: Head | None) -> None:
        """The log stands there, or is no more."""
        if state is None:
            self.deleted = True
        elif state == self._state:
            if self._first_look:
                self._first_look, self._seen_twice = False, True
                self.told.set()
            return
        elif self._state is not None and state.head < self._state.head:
            self._went_back = True
        self._state, self._news, self._first_look = state, True, True
        self.told.set()

    def stands_elsewhere(self, last: int, epoch: str) -> bool:
        """Whether the log, when it was last looked at, had moved away from the reader; answered once a look."""
        seen_twice, self._seen_twice = self._seen_twice, False
        if seen_twice and self._state is not None and self._state.head < last:
            return True  # no ring was only quicker than the look: the log was set back before it was looked at
        if not self._news or self._state is None:
            return False
        went_back, self._news, self._went_back = self._went_back, False, False
        return went_back or self._state.head > last or self._state.epoch != epoch


def _size(batch: Batch) -> int:
    return sum(map(len, batch.payloads))


class Lookout:
    """What one process hears: the layer's rings, the log's own bell, and once a second every room's head.

    `poll` is the time in seconds between two looks at SQLite's own bell (`PRAGMA data_version`).
    """

    def __init__(self, poll: float = 0.05) -> None:
        self._poll = poll
        self._ears: dict[int, set[Ear]] = {}
        self.reader = DatabaseThread("reads")
        self._stopped = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._path = database_path()  # asked once: it is asked for with each ring
        self._file: int | None = None
        self._seen_file = self.file()
        self.listener = bell.Listener(self.heard, self._whispered)
        #: What was lost and is read from the log: by a hole in the rings, or because the heads tell of more.
        self.repaired: Counter[str] = Counter()
        #: When the thread last went its round, of `time.monotonic`.
        self.beat = time.monotonic()
        self._thread = threading.Thread(target=self._watch_log, name="chat-lookout", daemon=True)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to listen, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tasks.append(self._loop.create_task(self.listener.run()))
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def rooms(self) -> int:
        """How many rooms somebody here follows."""
        return len(self._ears)

    async def close(self) -> None:
        """Listen no more."""
        self._stopped.set()
        while pending := [task for task in self._tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=_CANCEL_AGAIN)
        self.reader.close()

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A read of the database in this process's reading thread."""
        return await self.reader.run(call, *args, **kwargs)

    def file(self) -> int | None:
        """Which file the database is by now. In another one the same numbers may be other events."""
        if self._path is not None:
            with suppress(OperationalError):  # for a moment there is none
                self._file = file_at(self._path)
        return self._file

    def listen(self, room_id: int) -> Ear:
        """Hear of this room from now on."""
        ear = Ear(room_id)
        self._ears.setdefault(room_id, set()).add(ear)
        self.listener.want(room_id)
        return ear

    def leave(self, ear: Ear) -> None:
        """Hear of this room no more."""
        ears = self._ears[ear.room_id]
        ears.discard(ear)
        if not ears:
            del self._ears[ear.room_id]
            self.listener.forget(ear.room_id)

    def heard(self, batch: Batch) -> None:
        """A ring, from the layer or from this process's own writer."""
        for ear in self._ears.get(batch.room_id, ()):
            ear.ring(batch)

    def _whispered(self, room_id: int, epoch: str, payload: bytes) -> None:
        for ear in self._ears.get(room_id, ()):
            if ear.whispers is not None:
                ear.whispers(epoch, payload)

    def _watch_log(self) -> None:
        """In a thread of its own, outside of every transaction."""
        keep_connections()
        commits, version, looked, trouble = Commits(), None, 0.0, False
        while not self._stopped.wait(self._poll):
            self.beat = time.monotonic()
            room_ids = list(self._ears)
            if not room_ids:
                continue
            try:
                with opening():
                    seen = commits.version()
                    every = _HEADS_EVERY if seen is not None or bell.configured() else _HEADS_WITHOUT_LAYER
                    if seen == version and time.monotonic() - looked < every:
                        continue
                    states = history.heads(room_ids)
            except Error as error:
                connection.close()
                if not trouble:
                    logger.warning("the database does not answer (%s); readers wait for it", reason_of(error))
                trouble = True
                continue
            if trouble:
                logger.warning("the database answers again")
            version, looked, trouble = seen, time.monotonic(), False
            self._tell({room_id: states.get(room_id) for room_id in room_ids})
        connection.close()

    def _tell(self, states: dict[int, Head | None]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._loop.call_later, _GRACE, self._compare, states)
        except RuntimeError:  # the loop was closed meanwhile
            self._stopped.set()

    def _compare(self, states: dict[int, Head | None]) -> None:
        if (file := self.file()) != self._seen_file:
            self._seen_file = file
            for ear in [ear for ears in self._ears.values() for ear in ears]:
                ear.told.set()
        for room_id, state in states.items():
            for ear in self._ears.get(room_id, ()):
                ear.look(state)
