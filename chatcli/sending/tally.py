"""What a bulk run has done in one room, as one line."""

from collections import Counter

_WORDS = {"sent": "sent", "duplicate": "already sent", "suppressed": "not sent again", "edited": "edited"}


class Tally:
    """Counts what became of posts, and remembers between which numbers."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first = self._last = 0

    @property
    def total(self) -> int:
        """How many posts were taken."""
        return self._counts.total()

    def add(self, outcome: str, seq: int) -> None:
        """One more."""
        self._counts[outcome] += 1
        if not self._first or seq < self._first:
            self._first = seq
        if seq > self._last:
            self._last = seq

    def line(self, room: str, *, dry_run: bool) -> str:
        """`newbox #43..#1042 (1000 sent)`."""
        if dry_run:
            return f"{room} (dry run: {self.total} could be sent)"
        counts = [f"{self._counts[outcome]} {word}" for outcome, word in _WORDS.items() if self._counts[outcome]]
        span = f" #{self._first}" if self._first else ""
        if self._last > self._first:
            span += f"..#{self._last}"
        return f"{room}{span} ({', '.join(counts) or '0 sent'})"
