"""Events as records for people. Pure: what is unsafe for a terminal is the console's matter."""

import re
from argparse import _ActionsContainer
from datetime import UTC, date, datetime, timedelta, tzinfo

from chatcli.console import Span, one_line
from chatcli.numbers import PRIORITIES
from chatcore.events import Delete, Edit, Event, Gap, Message, Typing

PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}
PRIORITY_STYLES = {4: "yellow", 5: "bold red"}
#: Kinds that are set apart from talk.
ANNOUNCING = frozenset(("announcement", "banner"))
TIMESTAMPS = ("none", "short", "iso")

GAPS = {
    "pruned": "older messages have been removed",
    "deleted": "the room has been deleted",
}
CHANGED = "the room's history has been changed"

# Blanks in a name that would let it pass, in a record, for an announcement, another author or an edit
_TELLING = re.compile(r"(?<=[!:])\s|\s(?=edited\s*$)")
_UNIX = datetime.fromtimestamp(0, UTC)


class Records:
    """Events as records, one after the other.

    `timestamps`: `none`; `short`, the time of day in `zone`, with a line of its own when the day changes; or `iso`.
    """

    def __init__(
        self, zone: tzinfo, *, timestamps: str = "iso", today: date | None = None, prefix: bool = True
    ) -> None:
        """`today` is the day that needs no line; `prefix`: each record names its room."""
        self._zone = zone
        self._timestamps = timestamps
        self._day = today
        self._prefix = prefix

    def lines(self, item: Event | Gap | Typing) -> list[list[Span]]:
        """The records of whatever a room's reader may get."""
        if isinstance(item, Gap):
            return [self.gap(item)]
        if isinstance(item, Typing):
            return [self.typing(item)]
        return self.message(item)

    def message(self, event: Event) -> list[list[Span]]:
        """The record of a message or a change, after a line for its day if that is another one."""
        when = local(moment(event), self._zone)
        record = [(f"{self._stamp(when)}{self._room(event.room)}#{event.seq} ", "dim"), *_told(event)]
        if self._timestamps != "short" or when.date() == self._day:
            return [record]
        self._day = when.date()
        return [[(f"--- {when:%a} {when.day} {when:%b %Y} ---", "dim")], record]

    def gap(self, gap: Gap) -> list[Span]:
        """That something is missing here, and why."""
        return [(f"--- {one_line(gap.room)}: gap: {GAPS.get(gap.reason, CHANGED)} ---", "yellow")]

    def typing(self, typing: Typing) -> list[Span]:
        """That somebody is writing, now."""
        stamp = self._stamp(datetime.now(self._zone))
        return [(f"{stamp}{self._room(typing.room)}{safe_name(typing.username)} is typing", "dim")]

    def _stamp(self, when: datetime) -> str:
        if self._timestamps == "none":
            return ""
        return f"{when:%H:%M:%S} " if self._timestamps == "short" else f"{when.isoformat(timespec='seconds')} "

    def _room(self, name: str) -> str:
        return f"{one_line(name)} " if self._prefix else ""


def moment(event: Event) -> datetime:
    """When it happened. Of a change its id tells that, a UUID version 7 (RFC 9562): it begins with milliseconds."""
    if isinstance(event, Message) or event.change_id[14:15] != "7":
        return event.created_at
    return _UNIX + timedelta(milliseconds=int(event.change_id[:8] + event.change_id[9:13], 16))


def local(when: datetime, zone: tzinfo) -> datetime:
    """The same moment as clocks in `zone` show it, or as it is at the ends of the calendar."""
    try:
        return when.astimezone(zone)
    except OverflowError:
        return when


def safe_name(username: str) -> str:
    """A name that in a record passes for nothing but a name."""
    return _TELLING.sub(lambda blank: f"\\u{ord(blank[0]):04x}", one_line(username))


def _told(event: Event) -> list[Span]:
    """Who says what."""
    name = safe_name(event.username)
    if isinstance(event, Delete):
        return [(f"({name}) deleted", "dim")]
    told: list[Span] = [(name, "bold magenta" if event.kind in ANNOUNCING else "cyan")]
    if isinstance(event, Edit):
        told.append((" edited", "dim"))
    told.append(("! ", "bold magenta") if event.kind in ANNOUNCING else (": ", ""))
    if event.deleted:
        return [*told, ("(deleted)", "dim")]
    return [*told, *_before(event), (event.message.rstrip("\n"), ""), *_after(event)]


def _before(event: Event) -> list[Span]:
    """Priority and title, where it has them."""
    marks: list[Span] = []
    if event.priority != 3:
        name = PRIORITY_NAMES.get(event.priority, str(event.priority))
        marks.append((f"[{name}] ", PRIORITY_STYLES.get(event.priority, "dim")))
    if event.title:
        marks.append((f"{one_line(event.title)}: ", "bold"))
    return marks


def _after(event: Event) -> list[Span]:
    """Tags, and the link on a line of its own."""
    marks: list[Span] = [(f" [{one_line(tag)}]", "dim") for tag in event.tags]
    if event.url:
        marks.append((f"\n{one_line(event.url)}", "dim"))
    return marks


def add_arguments(parser: _ActionsContainer) -> None:
    """The options that say how times and rooms are written."""
    parser.add_argument(
        "--timestamps", choices=TIMESTAMPS, help="how times are written (short on a terminal, else iso)"
    )
    parser.add_argument("--utc", action="store_true", help="times in UTC, not in the zone of who calls")
    parser.add_argument("--prefix", action="store_true", default=True, help="begin with the room's name (it does)")
    parser.add_argument("--no-prefix", dest="prefix", action="store_false", help="leave out the room's name")
