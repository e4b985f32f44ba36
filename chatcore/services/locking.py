"""Rooms within the transaction that holds their rows: the lock that puts all writes of a room in order.

In plain SQL: what runs under the lock is waited for by every other writer, above all in a command that has
only just started.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chatcore.database import connection, places
from chatcore.models import Room
from chatcore.services.rows import update_rows

_COLUMNS = (
    "id", "name", "name_key", "private", "announce_only", "archived_at IS NOT NULL", "max_length",
    "last_seq", "head", "epoch", "seq_floor",
)  # fmt: skip


@dataclass(slots=True)
class LockedRoom:
    """A room whose row is held; the counters move with each event."""

    id: int
    name: str
    key: str
    private: bool
    announce_only: bool
    archived: bool
    max_length: int | None
    last_seq: int
    head: int
    epoch: str
    #: The number up to which messages were pruned.
    seq_floor: int = 0
    #: The head before this transaction.
    before: int = 0

    def __post_init__(self) -> None:
        self.before = self.head


def lock_rooms(keys: Iterable[str]) -> dict[str, LockedRoom]:
    """The rooms of these keys, locked in the order of their keys, so that two writers never wait for each other."""
    wanted = sorted(set(keys))
    # no key: what only refers to a room (a message, a read mark) need not wait, and so cannot be a part of a deadlock
    lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_no_key_update else ""
    select = (
        f"SELECT {', '.join(_COLUMNS)} FROM {_table()} "  # noqa: S608
        f"WHERE name_key IN ({places(len(wanted))}) ORDER BY name_key{lock}"
    )
    with connection.cursor() as cursor:
        cursor.execute(select, wanted)
        return {row[2]: LockedRoom(*row) for row in cursor.fetchall()}


def save_counters(rooms: Iterable[LockedRoom]) -> None:
    """Write the counters of the rooms whose log has grown."""
    changed = [(room.last_seq, room.head, room.id) for room in rooms if room.head != room.before]
    if changed:
        update_rows(Room, ("last_seq", "head"), changed)


def _table() -> str:
    return connection.ops.quote_name(Room._meta.db_table)
