"""Who may not be in a room any more although a socket of his still is: he was removed, banned or switched off, or the
room was made private. And who has another standing there by now, or finds the room changed."""

from collections.abc import Mapping
from typing import NamedTuple

from chatcore.exceptions import ChatError
from chatcore.history import Access
from chatcore.history.standing import Key, accesses
from chatcore.hub.hub import Hub

#: Seconds between two looks.
EVERY = 3.0


class News(NamedTuple):
    """By room and account: who is to be shown out, and why; whose access is another one, or was not looked at yet."""

    refused: Mapping[Key, ChatError]
    renewed: Mapping[Key, Access]


class Sweep:
    """One look for all sockets of this process, by the clock's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked = 0.0
        #: What was told of each, with the number of the last socket that it was told to.
        self._told: dict[Key, tuple[object, int]] = {}

    def look(self, now: float) -> News:
        """What is new; at most every three seconds. `now` is of `time.monotonic`."""
        if now - self._looked < EVERY:
            return News({}, {})
        self._looked = now
        visitors = self._hub.visitors()
        latest = {(room_id, actor.id): visit for room_id, found in visitors.items() for visit, actor in found.items()}
        found = accesses({room_id: list(of_room.values()) for room_id, of_room in visitors.items()}) if visitors else {}
        refused = {key: access for key, access in found.items() if isinstance(access, ChatError)}
        granted = {key: access for key, access in found.items() if isinstance(access, Access)}
        before, self._told = self._told, {key: (_facts(access), latest[key]) for key, access in granted.items()}
        return News(refused, {key: granted[key] for key, told in self._told.items() if before.get(key) != told})


def _facts(access: Access) -> object:
    """What a socket is told of the room and of its person there: not how far the log has come."""
    room = access.room
    return (
        room.name, room.title, room.topic, room.private, room.announce_only, room.archived, room.max_length,
        access.standing,
    )  # fmt: skip
