"""Where to begin in each room."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chatcli.tail.cursor import Position
from chatcli.tail.source import Logs, RoomLog
from chatcore.events import Gap, Message


class Start(NamedTuple):
    """Where to begin in each room: the narrowest counts. `lines` None: no bound."""

    lines: int | None
    after: int | None
    since: datetime | None

    def place(self, logs: Logs, room: RoomLog) -> tuple[int, Gap | None]:
        """The rev above which the room's events are wanted, and the gap that lies before them."""
        revs, lost = [room.floor], None
        if self.lines is not None:
            revs.append(before(room, logs.messages_after(room, max(0, room.last_seq - self.lines), 1)))
        if self.since is not None:
            revs.append(before(room, logs.messages_since(room, self.since, 1)))
        if self.after is not None:
            rev, lost = _after(logs, room, self.after)
            revs.append(rev)
        begin = max(revs)
        return begin, lost if lost is not None and lost.upto == begin else None


def _after(logs: Logs, room: RoomLog, seq: int) -> tuple[int, Gap | None]:
    """The rev of the message of this number, and a gap if the next one is not there."""
    if seq > room.last_seq:
        return room.head, gap(room, "ahead", room.head, room.head)
    found = {message.seq: message for message in logs.messages_after(room, seq - 1, 2)}
    following = found.get(seq + 1)
    if seq < room.last_seq and (following is None or following.rev <= room.floor):
        return room.floor, gap(room, "pruned", room.floor, room.floor)
    return max(room.floor, found[seq].rev if seq in found else 0), None


def changed(logs: Logs, room: RoomLog, position: Position) -> Gap | None:
    """The gap up to the oldest event there is, if the room's history is not the one in which the cursor was saved."""
    if position.epoch != room.epoch:
        reason = "epoch"
    elif position.rev > room.head:
        reason = "ahead"
    elif not _same_event(logs, room, position):
        reason = "history_changed"
    else:
        return None
    return gap(room, reason, position.rev, room.floor)


def _same_event(logs: Logs, room: RoomLog, position: Position) -> bool:
    if position.id is None or position.rev <= room.floor:
        return True
    found = logs.event_id(room, position.rev)
    if found is None:  # it may have been pruned right now
        floor = logs.floor(room)
        return floor is not None and position.rev <= floor
    return found == position.id


def end(logs: Logs, room: RoomLog, until: datetime | None) -> int:
    """The rev of the room's last event before that moment; without one the last there is."""
    return room.head if until is None else before(room, logs.messages_since(room, until, 1))


def before(room: RoomLog, found: Sequence[Message]) -> int:
    """The rev before the first of these messages, or the room's head if there is none."""
    return min([room.head, *(message.rev - 1 for message in found[:1])])


def gap(room: RoomLog, reason: str, after: int, upto: int) -> Gap:
    return Gap(room=room.name, reason=reason, after=after, upto=upto, epoch=room.epoch)
