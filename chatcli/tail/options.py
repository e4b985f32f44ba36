"""The options of `chat_tail` that are not about how an event is shown, and what they ask for together."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any, NamedTuple

from chatcli import times
from chatcli.numbers import whole
from chatcli.tail.start import Start
from chatcore.exceptions import BadRequest

LINES = 10
EVENTS = ("messages", "changes", "all")


class Wanted(NamedTuple):
    """What is to be read, and until when."""

    start: Start
    until: datetime | None
    follow: bool
    limit: int | None
    timeout: float | None
    idle: float | None
    events: str
    cursor_file: str | None


def add_arguments(parser: ArgumentParser) -> None:
    """The options that `wanted` and the selection of rooms take."""
    rooms = parser.add_argument_group("which rooms")
    rooms.add_argument("rooms", metavar="ROOM", nargs="*", help="a name, or a glob such as 'ops-*'")
    rooms.add_argument("--all", dest="all_rooms", action="store_true", help="every room that is not archived")
    _add_begin(parser)
    _add_end(parser)
    events = parser.add_argument_group("what is read")
    events.add_argument(
        "--events",
        choices=EVENTS,
        default="messages",
        help="changes: edits and deletions too; all: also who is typing (messages)",
    )


def _add_begin(parser: ArgumentParser) -> None:
    begin = parser.add_argument_group("where to begin")
    begin.add_argument(
        "-n",
        "--lines",
        type=lines,
        metavar="N|all",
        help=f"begin with each room's last N ({LINES}; 0: only what is new)",
    )
    begin.add_argument("--after", type=whole(0), metavar="SEQ", help="begin after the message of this number")
    begin.add_argument(
        "--since", type=times.since, metavar="TIME", help="begin at 10m, 2h, 1d ago, 18:30, 2026-11-22, ..."
    )
    begin.add_argument(
        "--cursor-file",
        metavar="PATH",
        help="begin where the last run with this file ended, and keep in it how far this one has come",
    )


def _add_end(parser: ArgumentParser) -> None:
    end = parser.add_argument_group("when to end")
    end.add_argument("--no-follow", dest="follow", action="store_false", help="end when all is printed that there is")
    end.add_argument(
        "--until",
        metavar="TIME",
        help="end before this time, with exit code 0: in 10m, 18:30, 2026-11-22 18:30, ...; with --no-follow 10m ago",
    )
    end.add_argument("--count", type=whole(1), metavar="N", help="end after N of what is shown, with exit code 0")
    end.add_argument("--timeout", type=times.seconds, metavar="S", help="end after so long, with exit code 124")
    end.add_argument(
        "--idle", type=times.seconds, metavar="S", help="end when nothing was shown for so long, with exit code 124"
    )


def wanted(
    *,
    lines: int | str | None,
    after: int | None,
    since: datetime | None,
    until: str | None,
    follow: bool,
    count: int | None,
    timeout: float | None,
    idle: float | None,
    events: str,
    cursor_file: str | None,
    **_: Any,
) -> Wanted:
    """What the options ask for. BadRequest when they cannot all be had."""
    if idle is not None and not follow:
        raise BadRequest("--no-follow waits for nothing: leave out --idle")
    if cursor_file == "":
        raise BadRequest("--cursor-file needs the path of a file")
    start = Start(_bound(lines, after, since), after, since)
    return Wanted(start, _end(until, since, follow), follow, count, timeout, idle, events, cursor_file)


def _end(until: str | None, since: datetime | None, follow: bool) -> datetime | None:
    if until is None:
        return None
    try:
        end = times.until(until, since=since, ahead=follow)
    except ArgumentTypeError as error:
        raise BadRequest(f"argument --until: {error}") from error
    if since is not None and end <= since:
        raise BadRequest(f"--until {until} is not after --since: nothing lies between them")
    return end


def _bound(lines: int | str | None, after: int | None, since: datetime | None) -> int | None:
    """How many of a room's last messages may be shown; None is all."""
    if lines == "all":
        return None
    if lines is None:
        return LINES if after is None and since is None else None
    return int(lines)


def lines(text: str) -> int | str:
    """The type of an option: a number from 0 up, or `all`."""
    return text if text == "all" else whole(0)(text)
