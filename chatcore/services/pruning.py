"""Retention: what is older than its room keeps it goes, oldest first.

First the room's floor moves to its final place in one short transaction: from then on nobody reads what is below, and
who was further behind finds one gap. The rows follow in small batches, also those that an interrupted run has left.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from chatcore.database import connection
from chatcore.history.retention import Overdue, overdue
from chatcore.models import Change, Message, Room
from chatcore.services.importing import forgotten_imports
from chatcore.services.locking import lock_rooms
from chatcore.services.transaction import writing

#: Events of a room's log that one batch takes away.
BATCH = 100


class Pruned(NamedTuple):
    """What one step has done in a room: messages that nobody reads any more, and rows of the log that are gone.

    A step that only looked has no room.
    """

    room: str = ""
    messages: int = 0
    rows: int = 0


def prune_rooms(*, timeout: float = 5.0) -> Iterator[Pruned]:
    """Go once through all rooms, a step of some milliseconds for each item; rest between two of them.

    It may be left at any step: the next run goes on. Each write waits at most `timeout` seconds for others.
    """
    now = timezone.now()
    for found in overdue(now):
        yield Pruned() if found is None else Pruned(found.name, _raise_floor(found, timeout))
    for room in Room.objects.filter(floor__gt=0).order_by("name_key"):
        begin = _first_removable(room, 0)
        while begin is not None:
            end = min(begin + BATCH - 1, room.floor)
            yield Pruned(room.name, rows=_remove(room, begin, end, now, timeout))
            begin = _first_removable(room, end)
    for _ in forgotten_imports(timeout=timeout):
        yield Pruned()


def _raise_floor(found: Overdue, timeout: float) -> int:
    """Put the room's floor there, unless it has become another room meanwhile; how many messages that hides."""
    with writing(timeout, lambda batches: None):
        room = lock_rooms([found.key]).get(found.key)
        if room is None or (room.id, room.epoch) != (found.room_id, found.epoch):
            return 0
        below = Room.objects.filter(pk=room.id, floor__lt=found.floor)
        raised = below.update(floor=found.floor, seq_floor=found.seq_floor)
    return found.seq_floor - room.seq_floor if raised else 0


def _first_removable(room: Room, after: int) -> int | None:
    """The rev of the first row above `after` from which something is to be taken away."""
    begins = []
    with connection.cursor() as cursor:
        for table, removable in ((Message, f"(deleted_at IS NULL OR {_unkeyed()})"), (Change, _unkeyed())):
            cursor.execute(
                f"SELECT rev FROM {_name(table)} WHERE room_id = %s AND rev > %s AND rev <= %s "  # noqa: S608
                f"AND {removable} ORDER BY rev LIMIT 1",
                [room.pk, after, room.floor],
            )
            begins += [rev for (rev,) in cursor.fetchall()]
    return min(begins, default=None)


def _remove(room: Room, begin: int, end: int, now: datetime, timeout: float) -> int:
    """Take away the rows from rev `begin` to `end`; how many. Those of living keys stay, emptied, until these end.

    In plain SQL: what runs here is waited for by every writer.
    """
    here, removed = "room_id = %s AND rev BETWEEN %s AND %s", 0
    with writing(timeout, lambda batches: None):
        if not Room.objects.filter(pk=room.pk, epoch=room.epoch, floor__gte=end).exists():
            return 0  # deleted meanwhile, or another history
        with connection.cursor() as cursor:
            for table in (Message, Change):
                cursor.execute(f"DELETE FROM {_name(table)} WHERE {here} AND {_unkeyed()}", [room.pk, begin, end])  # noqa: S608
                removed += cursor.rowcount
            cursor.execute(
                f"UPDATE {_name(Message)} SET text = '', extra = NULL, slot = NULL, deleted_at = %s "  # noqa: S608
                f"WHERE {here} AND deleted_at IS NULL",
                [connection.ops.adapt_datetimefield_value(now), room.pk, begin, end],
            )
    return removed


def _unkeyed() -> str:
    return f"{connection.ops.quote_name('key')} IS NULL"


def _name(table: type[Message] | type[Change]) -> str:
    return connection.ops.quote_name(table._meta.db_table)
