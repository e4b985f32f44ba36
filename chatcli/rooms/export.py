"""`chat_rooms export`: a room and its messages as JSON lines, page by page."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from chatcli import times
from chatcli.progress import bar
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.history.exporting import exported_room
from chatcore.history.transfer import encode


class Export(Subcommand):
    help = "Print a room and its messages as JSON lines, which import reads."
    examples = """\
  ./manage.py chat_rooms export newbox > newbox.jsonl
  ./manage.py chat_rooms export newbox --since 30d | gzip > newbox.jsonl.gz
  ./manage.py chat_rooms export newbox | ssh other ./manage.py chat_rooms import -"""
    notes = """\
The first line is the room with its members, then each message has a line. People are
named by their accounts. What is posted while it runs is left out."""
    usage = "ROOM [--since TIME] [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="which")
        parser.add_argument(
            "--since",
            type=times.since,
            metavar="TIME",
            help="only what was sent then or later, such as 30d, 2026-11-22",
        )

    def handle(
        self, command: SubcommandsCommand, *args: Any, room: str, since: datetime | None, **options: Any
    ) -> None:
        command.refuse_quiet()
        export = exported_room(room, since)
        console, done = command.console, 0
        of = export.room.last_seq - export.room.first_seq + 1
        with bar(command, wanted=not command.stdout.isatty()) as show:
            console.json(encode(export.room))
            for lines in export.pages:
                console.json_lines(lines)
                done += len(lines)
                show("messages", done, of)
