"""Reads of rooms' logs, by number and never by offset."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from chatcore.events import Delete, Edit, Event, Message, encode
from chatcore.exceptions import MessageNotFound, RoomNotFound
from chatcore.history.columns import COLUMNS, described_change, described_message
from chatcore.models import Change, Room
from chatcore.models import Message as Row


class Head(NamedTuple):
    """Where a room's log ends and begins, and which history it is."""

    head: int
    floor: int
    epoch: str


class Page(NamedTuple):
    """Events of a room's log, encoded, without a hole: `payloads[i]` has rev `after` + 1 + i."""

    payloads: list[bytes]
    state: Head


def heads(room_ids: Sequence[int]) -> dict[int, Head]:
    """Where the logs of these rooms stand, in one query."""
    rows = Room.objects.filter(pk__in=room_ids).values_list("pk", "head", "floor", "epoch")
    return {pk: Head(head, floor, epoch) for pk, head, floor, epoch in rows}


def events_after(room_id: int, after: int, limit: int) -> Page:
    """Up to `limit` encoded events from rev `after` + 1 on.

    Messages and changes are two queries, and posts may commit between them: the run ends at the first number
    that is in neither, so that no order of commits can hide an event. Changes come first, so that a message is
    never older than a change in the same page.
    """
    room = Room.objects.filter(pk=room_id).values_list("name", "head", "floor", "epoch").first()
    if room is None:
        raise RoomNotFound(f"of number {room_id} (it was deleted)")
    name, state = room[0], Head(*room[1:])
    found: dict[int, Event] = {change.rev: change for change in _changes(room_id, name, after, limit)}
    messages = Row.objects.filter(room=room_id, rev__gt=after).order_by("rev")[:limit]
    found.update({row[2]: described_message(name, row) for row in messages.values_list(*COLUMNS)})
    payloads: list[bytes] = []
    while len(payloads) < limit and (event := found.get(after + 1 + len(payloads))) is not None:
        payloads.append(encode(event))
    if not payloads and state.head > after:  # pruned meanwhile: the floor has moved with it
        state = heads([room_id]).get(room_id, state)
    return Page(payloads, state)


def event_id(room_id: int, rev: int) -> str | None:
    """The id of the event at this rev, or None if there is none."""
    for events in (Row.objects, Change.objects):
        found = events.filter(room=room_id, rev=rev).values_list("pk", flat=True).first()
        if found is not None:
            return str(found)
    return None


def latest_messages(room_id: int, limit: int, upto_rev: int) -> list[Message]:
    """The newest `limit` messages whose rev is not above `upto_rev`, oldest first, as they are now."""
    rows = Row.objects.filter(room=room_id, rev__lte=upto_rev).order_by("-rev")[:limit]
    return _messages(room_id, rows)[::-1]


def messages_after(room_id: int, seq: int, limit: int) -> list[Message]:
    """Up to `limit` messages with numbers above `seq`, oldest first."""
    return _messages(room_id, Row.objects.filter(room=room_id, seq__gt=seq).order_by("seq")[:limit])


def messages_before(room_id: int, seq: int, limit: int) -> list[Message]:
    """The `limit` messages just below number `seq`, oldest first."""
    return _messages(room_id, Row.objects.filter(room=room_id, seq__lt=seq).order_by("-seq")[:limit])[::-1]


def messages_since(room_id: int, moment: datetime, limit: int) -> list[Message]:
    """Up to `limit` messages sent at `moment` or later, oldest first."""
    rows = Row.objects.filter(room=room_id, created_at__gte=moment).order_by("created_at", "seq")[:limit]
    return _messages(room_id, rows)


def message(room_id: int, room_name: str, seq: int) -> Message:
    """The message of this number; MessageNotFound."""
    found = Row.objects.filter(room=room_id, seq=seq).values_list(*COLUMNS).first()
    if found is None:
        raise MessageNotFound(room_name, seq)
    return described_message(room_name, found)


def _changes(room_id: int, name: str, after: int, limit: int) -> list[Edit | Delete]:
    """The changes above `after`, each with its message as it is now."""
    changes = list(Change.objects.filter(room=room_id, rev__gt=after).order_by("rev")[:limit])
    if not changes:
        return []
    rows = Row.objects.filter(room=room_id, seq__in={change.seq for change in changes})
    messages = {row[1]: row for row in rows.values_list(*COLUMNS)}
    return [described_change(name, change, messages.get(change.seq)) for change in changes]


def _messages(room_id: int, rows: QuerySet[Row]) -> list[Message]:
    name = Room.objects.filter(pk=room_id).values_list("name", flat=True).first()
    return [described_message(name or "", row) for row in rows.values_list(*COLUMNS)]
