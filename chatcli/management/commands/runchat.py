"""`runchat`: the chat's server and the broker it needs, in the foreground."""

import os
import sys
from argparse import ArgumentTypeError
from contextlib import ExitStack
from logging import ERROR, INFO
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import autoreload

from chatcli.base import ChatCommand
from chatcli.logs import FORMATS, JSONOutput, log_as_json
from chatcli.server.listen import Address, parse_address
from chatcli.server_record import live_record, mismatch
from chatcli.serving import Serving
from chatcli.workers.handed import Handed
from chatcli.workers.worker import WorkerFailed
from chatcore.exceptions import ChatError

DRAIN_S = 5.0
MOST_WORKERS = 100


class Command(ChatCommand):
    help = "Run the chat: its pages, its sockets and, unless CHAT_REDIS_URL is set, a broker of its own."
    examples = """\
  ./manage.py runchat                          # http://127.0.0.1:8000/
  ./manage.py runchat 8001 --migrate
  ./manage.py runchat 0.0.0.0:8000             # for other machines; see CHAT_PUBLIC_URL
  ./manage.py runchat --unix /run/roomline/web # behind a proxy
  ./manage.py runchat --workers 4              # for more than one core can do"""
    usage = "[ADDRPORT] [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "addrport",
            nargs="?",
            metavar="ADDRPORT",
            help="PORT, HOST:PORT or [::1]:PORT (127.0.0.1:8000); port 0 is any free one",
        )
        parser.add_argument("--unix", type=Path, metavar="PATH", help="listen on this unix socket, for a proxy")
        parser.add_argument(
            "--workers",
            type=number_of_workers,
            metavar="N",
            help="serve with N processes under this one, which SIGHUP replaces in turn (an upgrade without a gap)",
        )
        parser.add_argument("--reload", action="store_true", help="start again when code changes (for development)")
        parser.add_argument(
            "--drain",
            type=seconds,
            default=DRAIN_S,
            metavar="S",
            help="how long a stopping server waits for its sockets (5)",
        )
        parser.add_argument(
            "--log-format",
            choices=FORMATS,
            default="text",
            help="text, as the settings have it, or all as one JSON object a line (text)",
        )
        parser.add_argument("--migrate", action="store_true", help="apply missing migrations first")
        parser.add_argument("--no-check", action="store_true", help="do not run Django's checks first")

    def execute(self, *args: Any, **options: Any) -> str | None:
        options["skip_checks"] = options["skip_checks"] or options["no_check"]
        try:
            self.handed = Handed.take()
        except ChatError as error:
            raise CommandError(str(error)) from error
        if options["log_format"] == "json":
            options["no_color"], options["force_color"] = True, False
            worker = None if self.handed is None else self.handed.number
            self.stdout = JSONOutput(self.stdout, INFO, worker)
            self.stderr = JSONOutput(self.stderr, ERROR, worker)
            log_as_json()
        if self.handed is not None:
            self.handed.begin()
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:  # before the server took Ctrl-C over, or after
            self.stdout.write("Stopped.")
            return None
        except Exception as error:
            if self.handed is not None:
                self.handed.failed(str(error) or type(error).__name__)
            raise

    def refuse_foreign_data(self) -> None:
        """Also beside a server on the same CHAT_VAR_DIR that means other data: commands could not mean both."""
        super().refuse_foreign_data()
        record = live_record()
        if record is not None and (reason := mismatch(record)) is not None:
            raise ChatError(f"{reason}; or give this server a CHAT_VAR_DIR of its own")

    def handle(
        self,
        *args: Any,
        addrport: str | None,
        unix: Path | None,
        workers: int | None,
        reload: bool,
        drain: float,
        migrate: bool,
        **options: Any,
    ) -> None:
        if workers is not None and reload:
            raise CommandError("--reload is one process, --workers are several: give one of the two", returncode=2)
        serving = Serving(
            address=listening_address(addrport, unix),
            unix=unix,
            workers=workers,
            drain=drain,
            migrate=migrate,
            verbosity=options["verbosity"],
            stdout=self.stdout,
            stderr=self.stderr,
        )
        if self.handed is not None:
            serving.run_worker(self.handed)
        elif reload:
            self.run_reloading(serving)
        else:
            self.run_serving(serving)

    def run_serving(self, serving: Serving) -> None:
        """In this process, or in workers of which one that has said itself why it cannot start is not repeated."""
        try:
            serving.run()
        except WorkerFailed as failed:
            if failed.told:
                sys.exit(failed.exit_code)
            raise

    def run_reloading(self, serving: Serving) -> None:
        """Django's reloader: this process starts a child again and again, the child serves and watches the code.

        The parent holds the broker, so that it outlives the children, which adopt it.
        """
        if os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true":
            autoreload.run_with_reloader(lambda: self.serve_in_child(serving))
            return
        with ExitStack() as stack:
            serving.hold_broker(stack)
            autoreload.run_with_reloader(lambda: None)

    def serve_in_child(self, serving: Serving) -> None:
        """In a thread beside the reloader's, which alone may have signal handlers."""
        autoreload.raise_last_exception()
        try:
            serving.run(signal_handlers=False)
        except ChatError as error:
            self.stderr.write(f"CommandError: {error}")
            self.stderr.flush()
            os._exit(error.exit_code)  # sys.exit would end this thread only


def listening_address(addrport: str | None, unix: Path | None) -> Address | None:
    """Where to listen on TCP: as asked for, else the default, unless a unix socket is enough. Raises BadAddress."""
    if addrport is not None:
        return parse_address(addrport)
    return Address() if unix is None else None


def number_of_workers(text: str) -> int:
    """How many, from 1 up."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_WORKERS):
        raise ArgumentTypeError(f"{text!r} is no number of workers: give 1 to {MOST_WORKERS}, for example 2")
    return int(text)


def seconds(text: str) -> float:
    """A time from 0 seconds up."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number of seconds: give 0 or more, for example 5")
    return value
