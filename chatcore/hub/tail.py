"""The newest events of a room, kept ready for those who join."""

from collections import deque
from collections.abc import Callable

from chatcore.bell import Batch

_MOST_EVENTS = 1000
_MOST_BYTES = 1024 * 1024


class Tail:
    """Batches in a row up to the room's last event; `start` is the rev before the first of them."""

    def __init__(self, start: int) -> None:
        self.start = start
        self._batches: deque[tuple[Batch, int]] = deque()
        self._events = self._bytes = 0

    def append(self, batch: Batch) -> None:
        """The newest events. What grows too much is forgotten at the other end."""
        self._count(batch, self._batches.append)
        while self._events > _MOST_EVENTS or self._bytes > _MOST_BYTES:
            oldest, size = self._batches.popleft()
            self._events -= len(oldest.payloads)
            self._bytes -= size
            self.start = oldest.head

    def prepend(self, batch: Batch) -> None:
        """Older events, which end where these begin; ignored if there is no room for them."""
        size = sum(map(len, batch.payloads))
        fits = self._events + len(batch.payloads) <= _MOST_EVENTS and self._bytes + size <= _MOST_BYTES
        if batch.head == self.start and fits:
            self._count(batch, self._batches.appendleft)
            self.start = batch.prev

    def above(self, rev: int, limit: int) -> list[bytes]:
        """Up to `limit` events above `rev`, which is not below `start`."""
        found: list[bytes] = []
        for batch, _ in self._batches:
            if batch.head > rev:
                found.extend(batch.payloads[max(0, rev - batch.prev) :])
                if len(found) >= limit:
                    break
        return found[:limit]

    def _count(self, batch: Batch, put: Callable[[tuple[Batch, int]], None]) -> None:
        size = sum(map(len, batch.payloads))
        put((batch, size))
        self._events += len(batch.payloads)
        self._bytes += size
