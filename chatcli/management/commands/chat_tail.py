"""`chat_tail`: prints what was said in rooms, then what is being said, or hands it to a command."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli import times
from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.remote import connection
from chatcli.tail import running
from chatcli.tail.local import POLL_S, LocalSource
from chatcli.tail.source import Source
from chatcore.exceptions import BadRequest


class Command(LocalCommand):
    help = "Print the last messages of rooms, then each new one as it comes."
    examples = """\
  ./manage.py chat_tail newbox                  # the last 10, then follow
  ./manage.py chat_tail newbox --no-follow --since 1h --json | jq .
  ./manage.py chat_tail 'ops-*' --cursor-file ops.cursor --exec ./handle.sh
  ./manage.py chat_tail newbox -n0 --grep '^deploy done' --count 1 --timeout 300"""
    usage = "ROOM ... | --all [options]"

    #: What goes through a server touches no data, and so does not ask whose it is.
    _touches_data = True

    def add_arguments(self, parser: CommandParser) -> None:
        running.add_arguments(parser)
        parser.add_argument(
            "--poll",
            type=times.seconds,
            default=POLL_S,
            metavar="S",
            help=f"how often to look where no broker tells ({POLL_S})",
        )
        connection.add_arguments(parser)
        super().add_arguments(parser)

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._touches_data = options["server"] is None and options["socket"] is None
        return super().execute(*args, **options)

    def refuse_foreign_data(self) -> None:
        if self._touches_data:
            super().refuse_foreign_data()

    def handle(
        self, *args: Any, server: str | None, socket: str | None, token_file: str | None, poll: float, **given: Any
    ) -> None:
        around = running.Surroundings(
            self.console, self.stdout, self.stderr, self.talk, self.own_process, "CommandError"
        )
        source: Source = LocalSource(poll)
        if not self._touches_data:
            from chatcli.remote.source import RemoteSource  # few follow what is elsewhere

            place = connection.server_of(self, server=server, socket=socket, token_file=token_file)
            source = RemoteSource(place, self.talk)
        elif token_file is not None:
            raise BadRequest("--token-file needs --server or --socket")
        running.run(source, around, **given)

    def talk(self, line: str) -> None:
        """A line on the standard error."""
        if not self.quiet:
            self.stderr.write(one_line(line))
            self.stderr.flush()
