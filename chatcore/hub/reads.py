"""Reads of one room's log that joiners share: who asks while the same read is under way waits for its answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chatcore import events, history
from chatcore.events import Message
from chatcore.feed import PAGE, Lookout
from chatcore.history import Page

T = TypeVar("T")
K = TypeVar("K")

_MANY_IDS = 1000


class SharedReads:
    """Answers at a rev that cannot change are kept; pages, which others may go on from, and failures are not."""

    def __init__(self, lookout: Lookout, room_id: int) -> None:
        self._lookout, self._room_id = lookout, room_id
        self._pages: dict[int, asyncio.Task[Page]] = {}
        self._latest: dict[tuple[int, int], asyncio.Task[list[bytes]]] = {}
        self._banners: dict[int, asyncio.Task[Message | None]] = {}
        self._ids: dict[int, asyncio.Task[str | None]] = {}

    async def page(self, after: int) -> Page:
        """A page of the log above that rev."""
        return await self._shared(self._pages, after, history.events_after, self._room_id, after, PAGE)

    async def newest(self, upto: int, most: int) -> list[bytes]:
        """The newest messages up to that rev, encoded: so many at most."""
        _keep_only(self._latest, (upto, most))
        return await self._shared(self._latest, (upto, most), self._read_newest, upto, most)

    async def banner(self, rev: int) -> Message | None:
        """The banner that stands in the room, for those who join at that rev."""
        _keep_only(self._banners, rev)
        return await self._shared(self._banners, rev, history.standing_banner, self._room_id)

    async def event_id(self, rev: int) -> str | None:
        """The id of the event at that rev, if it is known."""
        if len(self._ids) > _MANY_IDS:
            self._ids.clear()
        return await self._shared(self._ids, rev, history.event_id, self._room_id, rev)

    def _read_newest(self, upto: int, most: int) -> list[bytes]:
        return [events.encode(found) for found in history.latest_messages(self._room_id, most, upto)]

    async def _shared(self, tasks: dict[K, "asyncio.Task[T]"], key: K, read: Callable[..., T], *args: object) -> T:
        task = tasks.get(key)
        if task is None:
            task = tasks[key] = asyncio.get_running_loop().create_task(_awaited(self._lookout.read(read, *args)))

            def ended(task: "asyncio.Task[T]") -> None:
                failed = task.cancelled() or task.exception() is not None
                if (failed or tasks is self._pages) and tasks.get(key) is task:
                    del tasks[key]

            task.add_done_callback(ended)
        return await asyncio.shield(task)


def _keep_only(tasks: "dict[K, asyncio.Task[T]]", key: K) -> None:
    for old in [known for known in tasks if known != key]:
        del tasks[old]


async def _awaited(work: Awaitable[T]) -> T:
    return await work
