"""What upkeep would find to do now: logs that are older than their rooms keep them, and what else is over."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import F

from chatcore.models import Change, Message, Room, Scheduled

#: Events of a room's log whose age is looked at in one go.
_PAGE = 2000


class Overdue(NamedTuple):
    """What of a room's log is older than the room keeps it: events up to this rev, messages up to this number."""

    room_id: int
    name: str
    key: str
    epoch: str
    floor: int
    seq_floor: int
    #: How many of them can be read still.
    messages: int


class Over(NamedTuple):
    """How many messages have expired, and how many scheduled ones are due."""

    expired: int
    due: int


def overdue(now: datetime) -> Iterator[Overdue | None]:
    """What retention takes away now, an item a room; None between two looks at a room in which there is much."""
    for room in Room.objects.filter(retention__isnull=False).order_by("name_key"):
        assert room.retention is not None
        try:
            before = now - room.retention
        except OverflowError:
            continue
        at = room.floor
        while (young := _first_since(room, at, before)) is None and at + _PAGE < room.head:
            at += _PAGE
            yield None
        floor = room.head if young is None else young - 1
        if floor > room.floor:
            seqs = Message.objects.filter(room=room, rev__lte=floor).order_by("-rev").values_list("seq", flat=True)
            seq_floor = max(seqs.first() or 0, room.seq_floor)
            messages = seq_floor - room.seq_floor
            yield Overdue(room.pk, room.name, room.name_key, room.epoch, floor, seq_floor, messages)


def over(now: datetime) -> Over:
    """What else there is to do."""
    expired = Message.objects.filter(expires_at__lte=now, deleted_at__isnull=True, seq__gt=F("room__seq_floor"))
    return Over(expired.count(), Scheduled.objects.filter(done_at__isnull=True, due_at__lte=now).count())


def _first_since(room: Room, after: int, moment: datetime) -> int | None:
    """The rev of the first event of the page above `after` that is not older."""
    page = {"room": room, "rev__gt": after, "rev__lte": min(after + _PAGE, room.head)}
    found = [
        rows.order_by("rev").values_list("rev", flat=True).first()
        for rows in (
            Message.objects.filter(**page, created_at__gte=moment),
            Change.objects.filter(**page, at__gte=moment),
        )
    ]
    return min((rev for rev in found if rev is not None), default=None)
