"""Who may not be in a room any more although a socket of his still is: he was removed, banned or switched off, or the
room was made private."""

from collections.abc import Mapping

from chatcore.exceptions import ChatError
from chatcore.history.standing import refused_readers
from chatcore.hub.hub import Hub
from chatcore.permissions import Actor

#: Seconds between two looks.
EVERY = 3.0

#: A room's id and an account's; a guest's is empty.
Key = tuple[int, str]


class Sweep:
    """One look for all sockets of this process, by the clock's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked = 0.0

    def look(self, now: float) -> Mapping[Key, ChatError]:
        """Who is to be shown out, and why; at most every three seconds. `now` is of `time.monotonic`."""
        if now - self._looked < EVERY:
            return {}
        self._looked = now
        visitors: Mapping[int, list[Actor]] = self._hub.visitors()
        return refused_readers(visitors) if visitors else {}
