"""What goes through a tail: rooms on their way, their events, and what is missing among them."""

from typing import NamedTuple

from chatcli.tail.source import RoomLog
from chatcore.events import Gap, decode_event


class Track:
    """One room on its way: up to which event everything is done with, in which history."""

    def __init__(self, room: RoomLog, rev: int, epoch: str, event_id: str | None, gap: Gap | None) -> None:
        """All up to `rev`, the event of this id (None: unknown), is done with; `gap` is what follows it first."""
        self.id = room.id
        self.name, self.key = room.name, room.key
        #: The key under which it was chosen.
        self.chosen_key = room.key
        self.rev, self.epoch, self.gap = rev, epoch, gap
        #: Where its backlog ends.
        self.upto = room.head
        self._event_id = event_id
        self._payload: bytes | None = None

    @property
    def next(self) -> tuple[int, str]:
        """The rev above which to read on, and of which history."""
        return (self.rev, self.epoch) if self.gap is None else (self.gap.upto, self.gap.epoch)

    def reached(self, rev: int, payload: bytes) -> None:
        """All is done up to the event of this rev."""
        self.rev, self._payload = rev, payload

    def jumped(self, gap: Gap) -> None:
        """All is done up to where it goes on after the gap."""
        self.rev, self.epoch, self.gap = gap.upto, gap.epoch, None
        self._event_id, self._payload = None, None

    @property
    def event_id(self) -> str | None:
        """The id of the event at its rev, or None if that is not known."""
        if self._payload is not None:
            self._event_id, self._payload = decode_event(self._payload).event_id, None
        return self._event_id


class Entry(NamedTuple):
    """One event of a room's log, encoded."""

    track: Track
    rev: int
    payload: bytes


class Missing(NamedTuple):
    """A gap in a room's log."""

    track: Track
    gap: Gap


#: What comes next: events in order, or a gap.
Item = list[Entry] | Missing
