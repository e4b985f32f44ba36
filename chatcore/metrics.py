"""What one server has counted since it started: plain numbers, which cost next to nothing while nobody asks.

Imports nothing; `exposition` tells Prometheus. What an object counts for itself (the bell, the lookout) is read there.
"""

import threading
from bisect import bisect_left
from collections.abc import Sequence


class Counter:
    """How often something happened. Adding is exact in one thread: here the event loop's, or the clock's."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, count: int = 1) -> None:
        """So many more."""
        self.value += count


class Counters:
    """A counter for each of a few words of ours, never of a client's. For any thread: these are rare."""

    __slots__ = ("_lock", "_values")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, int] = {}

    def add(self, word: str) -> None:
        """One more of this kind."""
        with self._lock:
            self._values[word] = self._values.get(word, 0) + 1

    def values(self) -> dict[str, int]:
        """All of them so far."""
        with self._lock:
            return dict(self._values)


class Histogram:
    """How values are spread: `counts[i]` of them were not above `bounds[i]` and above the bound before it."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """One more value. From one thread."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


#: Upper bounds in seconds: of what is on the way to people, and of what goes on behind.
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)

#: Frames that sockets have sent.
frames_in = Counter()
#: Messages that sockets here have posted and that are on disk, repeats left out.
messages_stored = Counter()
#: Posts that one transaction took.
batch_posts = Histogram((1, 2, 4, 8, 16, 32, 64, 128, 256))
#: Seconds from a post's arrival until it is on disk, and until this server's sockets have been given it.
post_to_disk = Histogram(_QUICK)
post_to_sockets = Histogram(_QUICK)
#: Events that rooms here have delivered, and what that was together in writes to sockets.
events_delivered = Counter()
deliveries = Counter()
#: Pages of the log read for those who come (back), and pages of older messages that people asked for.
catchup_pages = Counter()
history_reads = Counter()
#: Sockets closed because they read too slowly, or sent far too much.
slow_readers = Counter()
floods = Counter()
#: Wrong passwords, and attempts while no password is looked at.
sign_ins_refused = Counter()
#: The clock: its rounds, how long each took, and how late it began, in seconds.
clock_round = Histogram(_SLOW)
clock_lag = Histogram(_SLOW)
#: How late the event loop was for what it had to do, in seconds.
loop_lag = Histogram(_SLOW)

_refusals = Counters()


def refused(code: str) -> None:
    """Something was refused to a client, with this code of ours: an error frame, a page, a handshake."""
    _refusals.add(code)


def refusals() -> dict[str, int]:
    """How often what was refused, by code."""
    return _refusals.values()
