"""`chat_bench`: measures the running server with many real clients in one room."""

import asyncio
import re
import resource
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.locks import file_lock
from chatcli.numbers import whole
from chatcli.startup import allow_many_sockets
from chatcore import conf, history
from chatcore.exceptions import ChatError, Unavailable

if TYPE_CHECKING:
    from chatcli.bench.run import Run

CLIENTS, MOST_CLIENTS = 100, 10_000
MESSAGES, MOST_MESSAGES = 1000, 10_000_000
#: Open files beside the sockets.
OTHER_FILES = 50


class Command(LocalCommand):
    help = """\
Measure the server that runs here: real clients in one room, who all read and write in turns.

The messages are really posted into ROOM, and stay: give the bench a room of its own.
The clients are temporary accounts, which are removed at the end, or those of --as."""
    examples = """\
  ./manage.py chat_bench bench           # after ./manage.py create_room bench
  ./manage.py chat_bench bench --clients 500 --rate 20
  ./manage.py chat_bench bench --messages 20000 --json | jq .p99_ms
  ./manage.py chat_bench team --as alice --as bob --clients 50 --messages 50"""
    notes = """\
Without --rate, eight messages are on their way at any time: how much the server can
do. With it, each is sent when it is due, and latency counts from then: how fast it is
under that load. CHAT_RATE limits what one person sends; start the server with
CHAT_RATE=off for a run without limits. With exit code 0 every client got every
message once and in order."""
    usage = "ROOM [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="where the messages go")
        parser.add_argument(
            "--clients", type=whole(1, MOST_CLIENTS), metavar="N", default=CLIENTS, help="so many sockets (100)"
        )
        parser.add_argument(
            "--messages", type=whole(1, MOST_MESSAGES), metavar="N", default=MESSAGES, help="so many messages (1000)"
        )
        parser.add_argument("--rate", type=a_second, metavar="R", help="send R messages a second, whatever comes back")
        parser.add_argument(
            "--as",
            metavar="USER",
            dest="names",
            action="append",
            default=[],
            help="an account whose sessions the clients have, in place of temporary ones (repeat)",
        )
        super().add_arguments(parser)

    def handle(
        self,
        *args: Any,
        room: str,
        clients: int,
        messages: int,
        rate: float | None,
        names: list[str],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        from chatcli.bench import report
        from chatcli.bench.people import check_people
        from chatcli.bench.plan import Plan
        from chatcli.bench.run import Run
        from chatcli.bench.targets import targets

        view = history.room_named(room)
        check_people(view, names)
        plan = Plan(clients, messages, rate, view.max_length or conf.settings.MAX_LENGTH)
        run = Run(plan, view, targets(view.name))
        allow_sockets(clients)
        with only_one():
            if verbosity > 0:
                self.talk(f"{messages:,} messages go into {view.name} and stay (a room for it: create_room bench)")
            self.measure(run, names, json=json, verbosity=verbosity, colour=not options["no_color"])
        found = self.tell(run, json=json, verbosity=verbosity)
        if reasons := list(report.failures(run, found)):
            raise CommandError("; ".join(reasons))

    def measure(self, run: "Run", names: list[str], *, json: bool, verbosity: int, colour: bool) -> None:
        """Carry it out. If it is interrupted or fails, what was measured so far is printed first."""
        from chatcli.bench.bar import Bar
        from chatcli.bench.people import People
        from chatcli.bench.session import Session
        from chatcli.tail.ending import Signalled, die_of

        with Bar(self.stderr, wanted=verbosity > 0 and not self.quiet, colour=colour) as bar:
            session = Session(run, People(run.plan.clients, names), bar, self.talk)
            try:
                asyncio.run(session.run(signals=self.own_process))
            except Signalled as signalled:
                self.talk(f"interrupted after {run.sent:,} of {run.plan.messages:,} messages")
                self.tell(run, json=json, verbosity=verbosity)
                die_of(signalled.number)
            except ChatError:
                self.tell(run, json=json, verbosity=verbosity)
                raise

    def tell(self, run: "Run", *, json: bool, verbosity: int) -> dict[str, Any]:
        """Print what was measured, if anything was; the same as data."""
        from chatcli.bench import report

        found = report.answer(run)
        if not run.latencies.count:
            return found
        for remark in report.remarks(run, conf.settings.RATE):
            self.warn(remark)
        if json:
            self.report("", found, json=True, verbosity=verbosity)
        else:
            for line in report.lines(found):
                self.report(line, found, json=False, verbosity=verbosity)
        return found

    def talk(self, line: str) -> None:
        """A line on the standard error."""
        if not self.quiet:
            self.stderr.write(one_line(line))
            self.stderr.flush()


def a_second(text: str) -> float:
    """So many a second, above 0."""
    value = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
    if not value:
        raise ArgumentTypeError(f"{text!r} is no rate: write how many a second, such as 20 or 0.5")
    return value


def allow_sockets(count: int) -> None:
    """Let this process have so many. ChatError if it may not."""
    allow_many_sockets()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most != resource.RLIM_INFINITY and most < count + OTHER_FILES:
        raise ChatError(f"this process may open {most} files only: raise `ulimit -n`, or take fewer --clients")


@contextmanager
def only_one() -> Iterator[None]:
    """Unavailable while another one runs here: each removes what it takes for left-overs."""
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(Path(conf.settings.VAR_DIR) / "bench.lock", 0))
        except TimeoutError:
            raise Unavailable("another chat_bench runs here: wait for its end") from None
        yield
