"""What is said of a connection that is lost, and of its return: one line each, however many rooms go over it."""

import random
from collections.abc import Callable

#: Seconds between two tries to reach the server: the first, by what they grow, the longest.
_FIRST, _GROWTH, _LONGEST = 0.2, 2.0, 10.0


class Trouble:
    """Which rooms cannot be heard at the moment."""

    def __init__(self, server: str, talk: Callable[[str], None]) -> None:
        self._server, self._talk = server, talk
        self._without: set[int] = set()

    def lost(self, room: int, reason: str) -> None:
        """This room cannot be heard any more."""
        if not self._without:
            self._talk(f"no connection to {self._server} ({reason}): trying again until there is one")
        self._without.add(room)

    def found(self, room: int) -> None:
        """It can be, or need not be any more."""
        if room in self._without:
            self._without.discard(room)
            if not self._without:
                self._talk(f"connected to {self._server} again")

    def forget(self, room: int) -> None:
        """Nobody wants to hear it any more."""
        self._without.discard(room)


class Pauses:
    """Seconds to wait before the next try: longer and longer, and not the same for everybody."""

    def __init__(self) -> None:
        self._next = _FIRST

    def next(self) -> float:
        """How long to wait now."""
        pause, self._next = self._next, min(_LONGEST, self._next * _GROWTH)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311  no secret

    @property
    def many(self) -> bool:
        """Whether several tries were in vain."""
        return self._next > _FIRST * _GROWTH * _GROWTH

    def begin_anew(self) -> None:
        """All is well again."""
        self._next = _FIRST
