"""Which rooms are meant: names, globs such as `ops-*`, or all of them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate

from chatcli.tail.cursor import Position
from chatcli.tail.source import RoomLog
from chatcore.exceptions import BadRequest, NotFound
from chatcore.names import room_key

_GLOB = re.compile(r"[*?\[]")


class Selection:
    """The rooms that the words name. Names are matched by their keys, so in any spelling."""

    def __init__(self, words: Sequence[str], all_rooms: bool) -> None:
        """BadRequest unless it is either words or all rooms."""
        if all_rooms == bool(words):
            what = (
                "either rooms or --all, not both" if words else "which room? name one, a glob such as 'ops-*', or --all"
            )
            raise BadRequest(what)
        self._names = {room_key(word): word for word in words if not _GLOB.search(word)}
        globs = ["*"] if all_rooms else [word for word in words if _GLOB.search(word)]
        self._globs = {glob: _matcher(glob) for glob in globs}
        self._all = all_rooms

    @property
    def grows(self) -> bool:
        """Whether rooms that are made later may belong to it."""
        return bool(self._globs)

    def matches(self, key: str) -> bool:
        """Whether the room of this key belongs to it."""
        return key in self._names or any(match(key) for match in self._globs.values())

    def takes(self, room: RoomLog) -> bool:
        """Whether the room belongs to it as it is now: one that is archived only by its very name."""
        return room.key in self._names or (not room.archived and self.matches(room.key))

    def rooms(self, logs: Iterable[RoomLog], saved: Mapping[str, Position]) -> tuple[list[RoomLog], list[str]]:
        """The rooms of `logs` that belong to it, with those that did when the cursor was `saved`: a room may have
        been renamed or archived since. And the names that are nobody's."""
        logs = list(logs)
        chosen = {room.id: room for room in logs if self.takes(room)}
        found = {room.key for room in chosen.values()}
        by_epoch = {room.epoch: room for room in logs}
        for key, position in saved.items():
            if self.matches(key) and not (key in self._names and key in found) and position.epoch in by_epoch:
                room = by_epoch[position.epoch]
                chosen[room.id] = room
                found.add(key)
        return list(chosen.values()), [word for key, word in self._names.items() if key not in found]

    def unmatched(self, keys: Sequence[str]) -> list[str]:
        """The globs that none of the keys match."""
        return [glob for glob, match in self._globs.items() if not any(map(match, keys)) and not self._all]


def no_match(globs: Sequence[str]) -> NotFound:
    """That there is nothing to print."""
    return NotFound("room", f"matches {' or '.join(globs)}", hint="; --all shows all rooms")


def _matcher(glob: str) -> Callable[[str], bool]:
    pattern = re.compile(translate(room_key(glob)))
    return lambda key: pattern.match(key) is not None
