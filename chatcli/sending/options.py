"""The options of `chat_send`: what they are called, what they take, and how a handler sees them."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Literal, NamedTuple

from chatcli.numbers import priority, whole
from chatcli.parser import JobSwitch
from chatcli.times import duration, duration_or_future, future, seconds

EXAMPLES = """\
  ./manage.py chat_send newbox "hello"
  ./manage.py chat_send newbox - < report.txt      # all of it is one message
  ./manage.py chat_send newbox --lines < pipe      # each line, as it comes
  ./manage.py chat_send -q newbox -- "$TEXT"       # in scripts: silent
  ./manage.py chat_send newbox --as alice "hello"  # as that user
  ./manage.py chat_send ops,dev --at 18:00 "No changes from now on"
  ./manage.py chat_send --all --banner --expire 2h "Restart at 18:00\""""
NOTES = """\
What may happen again, and the option for it:
  retry   the same request, which must be stored once     --key build-817
  repeat  the same news, which need not be said so soon   --once 1h
  update  one message that follows what it tells of       --slot disk"""


class Wait(NamedTuple):
    """How far a stored message must have got: to the running servers' sockets, or to so many readers."""

    what: Literal["pushed", "seen"]
    readers: int = 0


class Options(SimpleNamespace):
    """The command line as `add_options` names it. None, False and an empty list: not given."""

    room: str | None
    text: list[str]
    everywhere: bool
    create: bool
    stdin: bool
    file: str | None
    lines: bool
    jsonl: bool
    truncate: bool
    keep_going: bool
    as_user: str | None
    name: str | None
    kind: str | None
    banner: bool
    clear: bool
    priority: int | None
    title: str | None
    tags: list[str] | None
    link: str | None
    format: str | None
    reply_to: int | None
    edit: int | None
    delete: int | None
    key: str | None
    slot: str | None
    once: timedelta | None
    at: datetime | None
    delay: timedelta | None
    expire: timedelta | datetime | None
    cancel: str | None
    job: list[str] | None
    on: Literal["always", "failure", "success"] | None
    tail_lines: int | None
    wait: Wait | None
    timeout: float
    retry: int
    dry_run: bool
    schema: bool
    server: str | None
    socket: str | None
    token_file: str | None
    json: bool
    quiet: bool
    verbosity: int


def add_options(parser: ArgumentParser) -> None:
    """All but `-q` and `--json`, which every command has."""
    _add_rooms(parser)
    _add_sources(parser)
    _add_looks(parser)
    _add_repeats(parser)
    _add_times(parser)
    _add_job(parser)


def _add_rooms(parser: ArgumentParser) -> None:
    where = parser.add_argument_group("where, and who")
    where.add_argument("room", metavar="ROOM", nargs="?", help="a room, or several: ops,dev (all of them or none)")
    where.add_argument("--all", dest="everywhere", action="store_true", help="every room that is not archived")
    where.add_argument("--create", action="store_true", help="create the room if there is none")
    where.add_argument("--as", dest="as_user", metavar="USER", help="send as this user, with this user's rights")
    where.add_argument("--name", help="send as a bot of this name")


def _add_sources(parser: ArgumentParser) -> None:
    what = parser.add_argument_group("what is sent")
    what.add_argument("text", metavar="TEXT", nargs="*", help="the message; words are joined by one blank")
    what.add_argument("-", dest="stdin", action="store_true", help="all of standard input is the message")
    what.add_argument("--file", metavar="PATH", help="all of this file is the message")
    what.add_argument(
        "--lines", action="store_true", help="each line of standard input is a message, sent as it arrives"
    )
    what.add_argument(
        "--jsonl", action="store_true", help="each line is a message as JSON, such as chat_tail --json prints them"
    )
    what.add_argument("--truncate", action="store_true", help="cut what is too long, with … at its end")
    what.add_argument("--keep-going", action="store_true", help="go on after a line that is refused")
    what.add_argument("--reply-to", type=whole(1), metavar="SEQ", help="as an answer to this message")
    what.add_argument("--edit", type=whole(1), metavar="SEQ", help="give this message a new text")
    what.add_argument("--delete", type=whole(1), metavar="SEQ", help="empty this message; its number stays")
    what.add_argument("-n", "--dry-run", action="store_true", help="check everything, store nothing")
    what.add_argument("--schema", action="store_true", help="print the JSON Schema of a message")


def _add_looks(parser: ArgumentParser) -> None:
    looks = parser.add_argument_group("how it looks")
    looks.add_argument(
        "--kind",
        choices=["message", "announcement", "notice"],
        help="(one text: announcement; --lines, --jsonl: notice; --as: message)",
    )
    looks.add_argument("--banner", action="store_true", help="a strip across the page, until --expire or the next one")
    looks.add_argument("--clear", action="store_true", help="with --banner: take the strip away")
    looks.add_argument(
        "-p", "--priority", type=priority, metavar="1-5", help="or min, low, default, high, max (default)"
    )
    looks.add_argument("--title", help="a line above the text")
    looks.add_argument("--tag", dest="tags", action="append", metavar="TAG", help="a label; may be repeated")
    looks.add_argument("--link", metavar="URL", help="where a click on it leads")
    looks.add_argument("--format", choices=["text", "markdown", "code"], help="how the text is to be read (text)")


def _add_repeats(parser: ArgumentParser) -> None:
    again = parser.add_argument_group("what may happen again")
    again.add_argument(
        "--key", help="retry: the same key is stored once (kept 7 days); with --lines, line i has the key KEY:i"
    )
    again.add_argument("--once", type=duration, metavar="DUR", help="repeat: not if it was sent within 1h, 30m, ...")
    again.add_argument("--slot", metavar="NAME", help="update: edit the message in this slot, or send the first one")


def _add_times(parser: ArgumentParser) -> None:
    when = parser.add_argument_group("when, and how long to wait")
    when.add_argument("--at", type=future, metavar="TIME", help="send it at 18:00, 2026-11-22 18:00, ...")
    when.add_argument("--in", dest="delay", type=duration, metavar="DUR", help="send it in 10m, 2h, ...")
    when.add_argument("--cancel", metavar="ID", help="do not send what was scheduled under this id")
    when.add_argument(
        "--expire", type=duration_or_future, metavar="DUR|TIME", help="it goes away after 2h, or at 18:00"
    )
    when.add_argument(
        "--wait",
        type=wait,
        metavar="stored|pushed|seen[:N]",
        help="end when it is on disk (stored), at the sockets of the running servers, read by N people (1)",
    )
    when.add_argument("--timeout", type=seconds, default=10.0, metavar="S", help="try and wait at most so long (10)")
    when.add_argument(
        "--retry", type=whole(0), default=2, metavar="N", help="try again so often when it cannot be stored now (2)"
    )


def _add_job(parser: ArgumentParser) -> None:
    job = parser.add_argument_group("a job, and the report of it")
    job.add_argument(
        "--run",
        dest="job",
        action=JobSwitch,
        help="run what follows --, then send TEXT, how it ended and the end of its output; exit with its code",
    )
    job.add_argument("--on", choices=["always", "failure", "success"], help="when to send the report (always)")
    job.add_argument("--tail-lines", type=whole(0), metavar="N", help="so much of the output (20)")


def wait(text: str) -> Wait | None:
    """`stored` (None: that goes without saying), `pushed`, `seen`, `seen:3`."""
    match = re.fullmatch(r"stored|pushed|seen(?::([1-9][0-9]{0,8}))?", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} cannot be waited for: write stored, pushed, seen or seen:3")
    if text == "stored":
        return None
    return Wait("pushed") if text == "pushed" else Wait("seen", int(match[1] or 1))
