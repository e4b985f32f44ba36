"""Which room is which: a server tells no numbers, and rooms are renamed, deleted, and made anew. Pure."""

from collections.abc import Iterable
from datetime import datetime
from itertools import count

import msgspec

from chatcli.tail.source import RoomLog
from chatcore.names import room_key


class Listed(msgspec.Struct):
    """A room, as the server lists it."""

    name: str
    key: str
    archived: bool
    last_seq: int
    head: int
    floor: int
    epoch: str
    created_at: datetime


class Register:
    """Numbers for rooms. A room is known again by its epoch, which it keeps when it is renamed, else by its name and by
    when it was made."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._by_epoch: dict[str, int] = {}
        self._made: dict[int, datetime] = {}
        self._logs: dict[int, RoomLog] = {}

    def update(self, listed: Iterable[Listed]) -> list[RoomLog]:
        """The logs of the rooms that there are now."""
        rooms = list(listed)
        epochs = {room.epoch for room in rooms}
        left = {(log.key, self._made[log.id]): log.id for log in self._logs.values() if log.epoch not in epochs}
        self._logs = {}
        for room in rooms:
            same = self._by_epoch.get(room.epoch) or left.get((room.key, room.created_at))
            number = same or next(self._numbers)
            self._by_epoch[room.epoch], self._made[number] = number, room.created_at
            self._logs[number] = RoomLog(
                number, room.name, room.key, room.archived, room.last_seq, room.head, room.floor, room.epoch
            )
        return list(self._logs.values())

    def rename(self, number: int, name: str) -> None:
        """This room is called so by now."""
        if (log := self._logs.get(number)) is not None and log.name != name:
            self._logs[number] = log._replace(name=name, key=room_key(name))

    def find(self, number: int) -> RoomLog | None:
        """The room of this number as it was listed last, None if it was not."""
        return self._logs.get(number)
