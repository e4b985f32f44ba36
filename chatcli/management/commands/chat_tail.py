"""`chat_tail`: prints what was said in rooms, then what is being said, or hands it to a command."""

import asyncio
from contextlib import ExitStack
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli import filters
from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.tail import forms, options
from chatcli.tail.cursor import CursorFile
from chatcli.tail.delivery import Delivery
from chatcli.tail.ending import Signalled, die_of, leave
from chatcli.tail.progress import Progress
from chatcli.tail.selection import Selection
from chatcli.tail.session import Session
from chatcli.tail.sinks import Printing


class Command(LocalCommand):
    help = "Print the last messages of rooms, then each new one as it comes."
    examples = """\
  ./manage.py chat_tail newbox                  # the last 10, then follow
  ./manage.py chat_tail newbox --no-follow --since 1h --json | jq .
  ./manage.py chat_tail 'ops-*' --cursor-file ops.cursor --exec ./handle.sh
  ./manage.py chat_tail newbox -n0 --grep '^deploy done' --count 1 --timeout 300"""
    usage = "ROOM ... | --all [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        options.add_arguments(parser)
        filters.add_arguments(parser)
        forms.add_arguments(parser)
        super().add_arguments(parser)

    def handle(self, *args: Any, rooms: list[str], all_rooms: bool, **given: Any) -> None:
        wanted = options.wanted(**given)
        selection = Selection(rooms, all_rooms)
        sink = forms.sink(self.console, self.talk, **given)
        with ExitStack() as held:
            file = None
            if wanted.cursor_file is not None:
                file = CursorFile(wanted.cursor_file)
                held.enter_context(file.held())
            progress = Progress(selection, wanted.start, wanted.until, file)
            delivery = Delivery(sink, filters.chosen(**given), progress, wanted)
            session = Session(wanted, selection, progress, delivery, self.talk)
            try:
                output = self.stdout if isinstance(sink, Printing) else None
                asyncio.run(session.run(output, signals=self.own_process))
            except Signalled as signalled:
                die_of(signalled.number)
            except CommandError as error:
                if self.own_process and isinstance(sink, Printing) and sink.stuck:
                    leave(self.stderr, f"CommandError: {error}", error.returncode)
                raise

    def talk(self, line: str) -> None:
        """A line on the standard error."""
        if not self.quiet:
            self.stderr.write(one_line(line))
            self.stderr.flush()
