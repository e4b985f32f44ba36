"""Rooms within the transaction that holds their rows: the lock that puts all writes of a room in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from chatcore.models import Room

_ROOM_COLUMNS = (
    "id", "name", "name_key", "private", "announce_only", "archived_at", "max_length", "last_seq", "head", "epoch",
)  # fmt: skip


@dataclass(slots=True)
class LockedRoom:
    """A room within the transaction that holds its row; the counters move with each event."""

    id: int
    name: str
    key: str
    private: bool
    announce_only: bool
    archived_at: datetime | None
    max_length: int | None
    last_seq: int
    head: int
    epoch: str
    before: int = 0

    @property
    def archived(self) -> bool:
        """Whether it can only be read."""
        return self.archived_at is not None


def lock_rooms(keys: Iterable[str]) -> dict[str, LockedRoom]:
    """The rooms of these keys, locked in the order of their keys, so that two writers never wait for each other."""
    rows = Room.objects.select_for_update().filter(name_key__in=keys).order_by("name_key")
    rooms = [LockedRoom(*row) for row in rows.values_list(*_ROOM_COLUMNS)]
    for room in rooms:
        room.before = room.head
    return {room.key: room for room in rooms}


def save_counters(rooms: Iterable[LockedRoom]) -> None:
    """Write the counters of the rooms whose log has grown."""
    table = connection.ops.quote_name(Room._meta.db_table)
    changed = [(room.last_seq, room.head, room.id) for room in rooms if room.head != room.before]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET last_seq = %s, head = %s WHERE id = %s", changed)  # noqa: S608
