"""Who is in which room by the sockets of this process: its share of the presence. In memory; the clock stores it."""

import threading
from collections.abc import Mapping

from chatcore.events import Present

#: A room's id and an account's.
Key = tuple[int, str]
#: Seconds for which who has left still counts as here: to reload a page is not to leave.
HOLD = 3.0


class Share:
    """Changed in the event loop, read by the clock's thread. Times are of `time.monotonic`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[Key, int] = {}
        self._people: dict[Key, Present] = {}
        self._left_at: dict[Key, float] = {}
        self._closing = False

    def enter(self, room_id: int, person: Present) -> None:
        """One more socket of this person in the room."""
        key = (room_id, person.id)
        with self._lock:
            self._sockets[key] = self._sockets.get(key, 0) + 1
            self._people[key] = person
            self._left_at.pop(key, None)

    def leave(self, room_id: int, person_id: str, now: float) -> None:
        """The counterpart of `enter`."""
        key = (room_id, person_id)
        with self._lock:
            self._sockets[key] -= 1
            if not self._sockets[key]:
                del self._sockets[key]
                self._left_at[key] = now

    def keep(self) -> None:
        """Nobody leaves any more: the process ends, and its people come back to the next one."""
        self._closing = True

    def here(self, now: float) -> Mapping[Key, Present]:
        """Everybody who is here, or has left only just now."""
        with self._lock:
            if not self._closing:
                for key in [key for key, left_at in self._left_at.items() if now - left_at >= HOLD]:
                    del self._left_at[key], self._people[key]
            return dict(self._people)
