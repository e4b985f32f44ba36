"""What is measured: how long messages took, and whether a client saw all events once and in order. Pure."""

from collections import defaultdict
from math import ceil, exp, log

#: Latencies are counted in steps of one percent, from one microsecond up.
_SHORTEST = 1e-6
_STEPS = 100


class Latencies:
    """Times in seconds. However many there are, they take the memory of a few thousand."""

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[int(log(max(seconds / _SHORTEST, 1.0)) * _STEPS)] += 1
        self.count += 1
        if seconds > self.longest:
            self.longest = seconds

    def percentile(self, percent: float) -> float:
        """The time within which so many percent of them were (the nearest rank), to half a percent; 0 of none."""
        left = ceil(self.count * percent / 100)
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return min(_SHORTEST * exp((step + 0.5) / _STEPS), self.longest)
        return 0.0


class View:
    """What one client has seen of its room's events, which are numbered by rev without holes."""

    __slots__ = ("_missing", "_seq", "last", "misplaced", "repeated")

    def __init__(self, rev: int, seq: int) -> None:
        """It stands at this rev, and at the message of this number."""
        self.last, self._seq = rev, seq
        self._missing: set[int] = set()
        self.repeated = self.misplaced = 0

    def take(self, rev: int, seq: int | None = None) -> bool:
        """An event, `seq` if it is a message; whether it was seen for the first time."""
        if rev != self.last + 1:
            return self._take_out_of_order(rev)
        self.last = rev
        if seq is not None:
            if seq <= self._seq:
                self.misplaced += 1
            self._seq = seq
        return True

    def lost(self, head: int) -> int:
        """How many of the events up to `head` have not come."""
        return len(self._missing) + max(0, head - self.last)

    def _take_out_of_order(self, rev: int) -> bool:
        if rev > self.last:
            self._missing.update(range(self.last + 1, rev))
            self.last = rev
        elif rev in self._missing:
            self._missing.remove(rev)
            self.misplaced += 1
        else:
            self.repeated += 1
            return False
        return True
