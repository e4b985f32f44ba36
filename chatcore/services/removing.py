"""Deleting a room with all that was said in it.

It is closed and emptied for readers in one short transaction; its rows follow in small batches with rests, so that
others go on writing. What a killed run has left is an empty, archived room: the next run finishes it.
"""

import time
from collections.abc import Callable

from django.db.models import F, Model
from django.utils import timezone

from chatcore.history import room_named
from chatcore.models import Change, Membership, Message, Presence, ReadMark, Room, Scheduled
from chatcore.services.transaction import writing

#: Where a room has rows.
_TABLES: tuple[type[Model], ...] = (Message, Change, ReadMark, Scheduled, Membership, Presence)
#: Rows in one transaction: others wait for its end.
_AT_ONCE = 200

#: Called with how many events of the log are gone, of how many.
Progress = Callable[[int, int], object]


def delete_room(name: str, progress: Progress, *, timeout: float = 5.0) -> int:
    """Delete the room for good; how many messages it had. RoomNotFound.

    Each batch waits at most `timeout` seconds for other writers.
    """
    room = room_named(name)
    with writing(timeout, lambda batches: None):
        Room.objects.filter(pk=room.id).update(archived_at=timezone.now(), floor=F("head"), seq_floor=F("last_seq"))
    done, of = 0, room.head - room.floor
    for table in _TABLES:
        rows = table._default_manager.filter(room=room.id).order_by()
        while some := list(rows.values_list("pk", flat=True)[:_AT_ONCE]):
            began = time.monotonic()
            with writing(timeout, lambda batches: None):
                table._default_manager.filter(pk__in=some).delete()
            done += len(some)
            progress(min(done, of), of)
            time.sleep(time.monotonic() - began)
    with writing(timeout, lambda batches: None):
        for held in Room.objects.select_for_update().filter(pk=room.id):  # nothing is added to it any more
            held.delete()
    return room.last_seq - room.seq_floor
