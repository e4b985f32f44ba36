"""Reads of rooms' logs, by number and never by offset. In plain SQL: every reader's catch-up goes through here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Model
from django.utils import timezone

from chatcore.database import connection, places
from chatcore.events import Delete, Edit, Event, Message, encode
from chatcore.exceptions import MessageNotFound, RoomNotFound
from chatcore.history import columns
from chatcore.history.columns import COLUMNS, ChangeRow, described_change, described_message
from chatcore.models import Change, Room
from chatcore.models import Message as Row


class Head(NamedTuple):
    """Where a room's log ends and begins, and which history it is."""

    head: int
    floor: int
    epoch: str


class _Log(NamedTuple):
    """The room of a log, and up to which rev and which number it was pruned: rows at or below are nobody's to read."""

    name: str
    floor: int
    seq_floor: int


class Page(NamedTuple):
    """Events of a room's log, encoded, without a hole: `payloads[i]` has rev `after` + 1 + i."""

    payloads: list[bytes]
    state: Head


def heads(room_ids: Sequence[int]) -> dict[int, Head]:
    """Where the logs of these rooms stand, in one query."""
    if not room_ids:
        return {}
    rows = _rows(Room, ("id", *Head._fields), f"WHERE id IN ({places(len(room_ids))})", *room_ids)
    return {room_id: Head(*state) for room_id, *state in rows}


def events_after(room_id: int, after: int, limit: int) -> Page:
    """Up to `limit` encoded events from rev `after` + 1 on.

    Messages and changes are two queries, and posts may commit between them: the run ends at the first number
    that is in neither, so that no order of commits can hide an event. Changes come first, so that a message is
    never older than a change in the same page.
    """
    room = _rows(Room, ("name", "seq_floor", *Head._fields), "WHERE id = %s", room_id)
    if not room:
        raise RoomNotFound(f"of number {room_id} (it was deleted)")
    name, seq_floor, state = room[0][0], room[0][1], Head(*room[0][2:])
    if state.floor > after:
        return Page([], state)
    found: dict[int, Event] = {change.rev: change for change in _changes(room_id, name, seq_floor, after, limit)}
    rows = _rows(Row, COLUMNS, "WHERE room_id = %s AND rev > %s ORDER BY rev LIMIT %s", room_id, after, limit)
    found.update((row[2], described_message(name, row)) for row in rows)
    payloads: list[bytes] = []
    while len(payloads) < limit and (event := found.get(after + 1 + len(payloads))) is not None:
        payloads.append(encode(event))
    if not payloads and state.head > after:  # pruned meanwhile: the floor has moved with it
        state = heads([room_id]).get(room_id, state)
    return Page(payloads, state)


def event_id(room_id: int, rev: int) -> str | None:
    """The id of the event at this rev, or None if there is none."""
    if rev <= _log(room_id).floor:
        return None
    for table in (Row, Change):
        found = _rows(table, ("id",), "WHERE room_id = %s AND rev = %s", room_id, rev)
        if found:
            return columns.event_id(found[0][0])
    return None


def latest_messages(room_id: int, limit: int, upto_rev: int) -> list[Message]:
    """The newest `limit` messages whose rev is not above `upto_rev`, oldest first, as they are now."""
    log = _log(room_id)
    where = "WHERE room_id = %s AND rev > %s AND rev <= %s ORDER BY rev DESC LIMIT %s"
    return _messages(log, where, room_id, log.floor, upto_rev, limit)[::-1]


def messages_after(room_id: int, seq: int, limit: int) -> list[Message]:
    """Up to `limit` messages with numbers above `seq`, oldest first."""
    log = _log(room_id)
    where = "WHERE room_id = %s AND seq > %s ORDER BY seq LIMIT %s"
    return _messages(log, where, room_id, max(seq, log.seq_floor), limit)


def messages_before(room_id: int, seq: int, limit: int) -> list[Message]:
    """The `limit` messages just below number `seq`, oldest first."""
    log = _log(room_id)
    where = "WHERE room_id = %s AND seq > %s AND seq < %s ORDER BY seq DESC LIMIT %s"
    return _messages(log, where, room_id, log.seq_floor, seq, limit)[::-1]


def messages_since(room_id: int, moment: datetime, limit: int) -> list[Message]:
    """Up to `limit` messages sent at `moment` or later, oldest first."""
    log = _log(room_id)
    # +seq: not by the index of the numbers, which would go through all of the room
    where = "WHERE room_id = %s AND created_at >= %s AND +seq > %s ORDER BY created_at, seq LIMIT %s"
    return _messages(log, where, room_id, connection.ops.adapt_datetimefield_value(moment), log.seq_floor, limit)


def messages_numbered(room_id: int, seqs: Sequence[int]) -> dict[int, Message]:
    """The messages of these numbers, by number."""
    log = _log(room_id)
    rows = _numbered(room_id, [seq for seq in seqs if seq > log.seq_floor])
    return {row[1]: described_message(log.name, row) for row in rows}


def keyed_messages(room_id: int, seqs: Sequence[int]) -> dict[int, Message]:
    """The same of messages that keys name: of one that was pruned what is left, at least its number."""
    log = _log(room_id)
    rows = {row[1]: row for row in _numbered(room_id, seqs)}
    remains = {seq: columns.remains(rows.get(seq), seq) for seq in seqs if seq <= log.seq_floor}
    return {seq: described_message(log.name, row) for seq, row in {**rows, **remains}.items()}


def texts_before(room_id: int, seq: int, limit: int) -> list[tuple[int, str]]:
    """Number and text, after a title if there is one, of the messages just below number `seq`, newest first."""
    where = "WHERE room_id = %s AND seq > %s AND seq < %s ORDER BY seq DESC LIMIT %s"
    rows = _rows(Row, ("seq", "text", "extra"), where, room_id, seq_floor(room_id), seq, limit)
    return [(number, with_title(text, extra)) for number, text, extra in rows]


def with_title(text: str, extra: str | Mapping[str, Any] | None) -> str:
    """The text of a message after its title, if it has one."""
    return text if extra is None else f"{columns.title(extra)}\n{text}"


def seq_floor(room_id: int) -> int:
    """The number up to which the room's messages were pruned."""
    return _log(room_id).seq_floor


def standing_banner(room_id: int) -> Message | None:
    """The banner that stands in the room: the newest that was posted, unless it was deleted or its time is over."""
    log = _log(room_id)
    where = "WHERE room_id = %s AND kind = 'banner' AND seq > %s ORDER BY seq DESC LIMIT 1"
    found = _messages(log, where, room_id, log.seq_floor)
    if not found or found[0].deleted:
        return None
    expires_at = found[0].expires_at
    return found[0] if expires_at is None or expires_at > timezone.now() else None


def message(room_id: int, room_name: str, seq: int) -> Message:
    """The message of this number; MessageNotFound."""
    found = _rows(Row, COLUMNS, "WHERE room_id = %s AND seq = %s", room_id, seq)
    if not found or seq <= _log(room_id).seq_floor:
        raise MessageNotFound(room_name, seq)
    return described_message(room_name, found[0])


def _changes(room_id: int, name: str, seq_floor: int, after: int, limit: int) -> list[Edit | Delete]:
    """The changes above `after`, each with its message as it is now."""
    where = "WHERE room_id = %s AND rev > %s ORDER BY rev LIMIT %s"
    changes = [ChangeRow(*row) for row in _rows(Change, ChangeRow._fields, where, room_id, after, limit)]
    if not changes:
        return []
    seqs = {change.seq for change in changes}
    rows = _rows(Row, COLUMNS, f"WHERE room_id = %s AND seq IN ({places(len(seqs))})", room_id, *seqs)
    messages = {row[1]: row for row in rows if row[1] > seq_floor}
    return [described_change(name, change, messages.get(change.seq)) for change in changes]


def _numbered(room_id: int, seqs: Sequence[int]) -> list[tuple[Any, ...]]:
    if not seqs:
        return []
    return _rows(Row, COLUMNS, f"WHERE room_id = %s AND seq IN ({places(len(seqs))})", room_id, *seqs)


def _messages(log: _Log, where: str, *values: Any) -> list[Message]:
    return [described_message(log.name, row) for row in _rows(Row, COLUMNS, where, *values)]


def _log(room_id: int) -> _Log:
    """An empty one of a room that was deleted."""
    room = _rows(Room, _Log._fields, "WHERE id = %s", room_id)
    return _Log(*room[0]) if room else _Log("", 0, 0)


def _rows(table: type[Model], names: Sequence[str], where: str, *values: Any) -> list[tuple[Any, ...]]:
    """The columns of these names as the database's driver gives them."""
    quoted = connection.ops.quote_name
    select = f"SELECT {', '.join(map(quoted, names))} FROM {quoted(table._meta.db_table)} {where}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(select, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
