"""What `chat_prune` does, and how it counts it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from chatcore import services
from chatcore.history import retention
from chatcore.services.importing import forgotten_imports
from chatcore.services.pruning import prune_rooms

_AT_ONCE = 500


@dataclass
class RoomTally:
    """What went of one room: messages that could be read before, and rows of its log."""

    name: str
    messages: int = 0
    rows: int = 0

    def line(self, *, dry: bool) -> str:
        """For people."""
        if not self.messages:
            return f"{self.name}: the rest of an earlier run, {counted(self.rows, 'row')}"
        return f"{self.name}: {counted(self.messages, 'message')} {'would be ' if dry else ''}pruned"

    def answer(self) -> dict[str, Any]:
        """The same as data."""
        return {"room": self.name, "messages": self.messages, "rows": self.rows}


@dataclass
class Tally:
    """What went in all rooms. `dry`: what would go."""

    dry: bool
    rooms: dict[str, RoomTally] = field(default_factory=dict)
    expired: int = 0
    keys: int = 0
    delivered: int = 0
    #: Rows that killed imports had left.
    remains: int = 0

    @property
    def messages(self) -> int:
        """Messages that were too old."""
        return sum(room.messages for room in self.rooms.values())

    @property
    def rows(self) -> int:
        """Rows that went, also of messages that an earlier run had hidden."""
        return sum(room.rows for room in self.rooms.values())

    def count(self, room: str, messages: int, rows: int) -> None:
        """Something went in this room."""
        if messages or rows:
            tally = self.rooms.setdefault(room, RoomTally(room))
            tally.messages += messages
            tally.rows += rows

    def line(self) -> str:
        """What was done beside that, for people; empty for nothing."""
        would = "would be " if self.dry else ""
        parts = [f"{counted(self.expired, 'expired message')} {would}emptied"] if self.expired else []
        parts += [f"{counted(self.delivered, 'scheduled message')} {would}sent"] if self.delivered else []
        parts += [f"{counted(self.remains, 'message')} of a killed import removed"] if self.remains else []
        return ", ".join(parts) or ("" if self.rooms else "nothing to do")

    def answer(self) -> dict[str, Any]:
        """The same as data."""
        status = "dry-run" if self.dry else "pruned"
        counts = {"messages": self.messages, "rows": self.rows, "expired": self.expired}
        return {"status": status, **counts, "delivered": self.delivered, "keys": self.keys, "imports": self.remains}


def steps(tally: Tally, *, deliver: bool) -> Iterator[None]:
    """Do all there is, a small step for each item. Keys go first: what they kept can go then, too."""
    while deliver and (done := services.deliver_due()):
        tally.delivered += done
        yield
    while done := services.expire_messages(_AT_ONCE):
        tally.expired += done
        yield
    while done := services.forget_keys(_AT_ONCE):
        tally.keys += done
        yield
    for rows in forgotten_imports():
        tally.remains += rows
        yield
    for step in prune_rooms():
        tally.count(step.room, step.messages, step.rows)
        yield


def expected(*, deliver: bool) -> Tally:
    """What there is to do now."""
    now = timezone.now()
    expired, due = retention.over(now)
    tally = Tally(dry=True, expired=expired, delivered=due if deliver else 0)
    for found in retention.overdue(now):
        if found is not None:
            tally.count(found.name, found.messages, 0)
    return tally


def counted(number: int, what: str) -> str:
    """`1,200 messages`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
