"""`chat_tail`: prints what was said in rooms, then what is being said."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli.base import LocalCommand
from chatcli.console import Console
from chatcli.numbers import whole
from chatcli.process import OutputLost, watching_reader
from chatcli.render import Records
from chatcli.tail import Item, Start, backlog, follow_rooms
from chatcli.times import caller_zone, seconds, since
from chatcore import history
from chatcore.events import Gap, encode
from chatcore.history import RoomView

LINES = 10
POLL_S = 0.05


class Enough(Exception):
    """`--count` is reached."""


class Command(LocalCommand):
    help = "Print the last messages of rooms, then each new one as it comes."
    examples = """\
  ./manage.py chat_tail newbox          # the last 10, then follow
  ./manage.py chat_tail newbox ops -n0  # two rooms, only what is new
  ./manage.py chat_tail newbox --no-follow --since 1h --json | jq .
  ./manage.py chat_tail newbox -n0 --count 1 --timeout 300  # await the next one"""
    usage = "ROOM ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rooms", metavar="ROOM", nargs="+")
        parser.add_argument(
            "-n", "--lines", type=lines, metavar="N|all", help="begin with the last N (10; 0: only what is new)"
        )
        parser.add_argument("--after", type=whole(0), metavar="SEQ", help="begin after the message of this number")
        parser.add_argument(
            "--since", type=since, metavar="TIME", help="begin at 10m, 2h, 1d ago, 18:30, 2026-11-22, ..."
        )
        parser.add_argument(
            "--no-follow", dest="follow", action="store_false", help="end when all is printed that there is"
        )
        parser.add_argument("--count", type=whole(1), metavar="N", help="end after N messages")
        parser.add_argument("--timeout", type=seconds, metavar="S", help="end after so long, with exit code 124")
        parser.add_argument(
            "--poll",
            type=seconds,
            default=POLL_S,
            metavar="S",
            help=f"how often to look where no broker tells ({POLL_S})",
        )
        super().add_arguments(parser)

    def handle(
        self,
        *args: Any,
        rooms: list[str],
        lines: int | str | None,
        after: int | None,
        since: datetime | None,
        follow: bool,
        count: int | None,
        timeout: float | None,
        poll: float,
        json: bool,
        **options: Any,
    ) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        views = list({view.id: view for view in map(history.room_named, rooms)}.values())
        printer = Printer(None if self.quiet else self.console, json, count)
        try:
            for item in backlog(views, Start(_bound(lines, after, since), after, since)):
                printer.show(item)
            if follow:
                asyncio.run(self.follow(views, poll, printer, deadline))
        except Enough:
            return
        except TimeoutError as error:
            raise CommandError(f"nothing more to wait for: --timeout {timeout:g} s ran out", returncode=124) from error

    async def follow(self, rooms: Sequence[RoomView], poll: float, printer: "Printer", deadline: float | None) -> None:
        """Print what comes until enough is printed, the reader has gone or the time is over."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        following = asyncio.create_task(follow_rooms(rooms, poll, printer.show))
        with watching_reader(self.stdout, following.cancel) as reader:
            try:
                async with asyncio.timeout(left):
                    await following
            except asyncio.CancelledError:
                if reader.gone:
                    raise OutputLost(BrokenPipeError()) from None
                raise


class Printer:
    """Prints what it is shown, each at once, until `count` messages are printed. Without a console it only counts."""

    def __init__(self, console: Console | None, json: bool, count: int | None) -> None:
        self._console = console
        self._json = json
        self._left = count
        zone = caller_zone()
        short = console is not None and console.is_terminal
        self._records = Records(zone, short=short, today=datetime.now(zone).date())

    def show(self, item: Item) -> None:
        """Print it. Enough, when it was the last one wanted."""
        if self._console is not None:
            self._print(item, self._console)
        if self._left is not None and not isinstance(item, Gap):
            self._left -= 1
            if not self._left:
                raise Enough

    def _print(self, item: Item, console: Console) -> None:
        if self._json:
            console.json(encode(item))
        elif isinstance(item, Gap):
            console.record(self._records.gap(item))
        else:
            for record in self._records.message(item):
                console.record(record)


def _bound(lines: int | str | None, after: int | None, since: datetime | None) -> int | None:
    """How many of a room's last messages may be shown; None is all."""
    if lines == "all":
        return None
    if lines is None:
        return LINES if after is None and since is None else None
    return int(lines)


def lines(text: str) -> int | str:
    """A number from 0 up, or `all`."""
    return text if text == "all" else whole(0)(text)
