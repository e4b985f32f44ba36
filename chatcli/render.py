"""Events as lines for people. Pure: what is unsafe for a terminal is the console's matter."""

import re
from datetime import date, datetime, tzinfo

from chatcli.console import Span, one_line
from chatcore.events import Delete, Edit, Gap, Message

PRIORITIES = {1: "min", 2: "low", 3: "default", 4: "high", 5: "max"}
PRIORITY_STYLES = {4: "yellow", 5: "bold red"}
#: Kinds that are set apart from talk.
ANNOUNCING = frozenset(("announcement", "banner"))

GAPS = {
    "pruned": "older messages have been removed",
    "deleted": "the room has been deleted",
}
CHANGED = "the room's history has been changed"

# The ends of a name in a record: inside of one they would let a name pass for an announcement or another author
_END_OF_NAME = re.compile(r"(?<=[!:])\s")


class Records:
    """Messages and gaps as records, one after the other.

    `short`: only the time of day in `zone`, and a line of its own when the day changes; else ISO 8601.
    """

    def __init__(self, zone: tzinfo, *, short: bool, today: date | None = None) -> None:
        """`today` is the day that needs no line."""
        self._zone = zone
        self._short = short
        self._day = today

    def message(self, message: Message | Edit | Delete) -> list[list[Span]]:
        """The record of the message, after a line for its day if that is another one."""
        when = message.created_at.astimezone(self._zone)
        record: list[Span] = [
            (f"{self._stamp(when)} {one_line(message.room)} #{message.seq} ", "dim"),
            *_author(message),
            *_marks(message),
            ("(deleted)", "dim") if message.deleted else (message.message, ""),
        ]
        if not self._short or when.date() == self._day:
            return [record]
        self._day = when.date()
        return [[(f"--- {when:%a} {when.day} {when:%b %Y} ---", "dim")], record]

    def gap(self, gap: Gap) -> list[Span]:
        """That something is missing here, and why."""
        return [(f"--- {one_line(gap.room)}: gap: {GAPS.get(gap.reason, CHANGED)} ---", "yellow")]

    def _stamp(self, when: datetime) -> str:
        return f"{when:%H:%M:%S}" if self._short else when.isoformat(timespec="seconds")


def _author(message: Message | Edit | Delete) -> list[Span]:
    name = _END_OF_NAME.sub(lambda blank: f"\\u{ord(blank[0]):04x}", one_line(message.username))
    if message.kind in ANNOUNCING:
        return [(f"{name}! ", "bold magenta")]
    return [(name, "cyan"), (": ", "")]


def _marks(message: Message | Edit | Delete) -> list[Span]:
    """Priority and title, where it has them."""
    marks: list[Span] = []
    if message.priority != 3:
        name = PRIORITIES.get(message.priority, str(message.priority))
        marks.append((f"[{name}] ", PRIORITY_STYLES.get(message.priority, "dim")))
    if message.title:
        marks.append((f"{one_line(message.title)}: ", "bold"))
    return marks
