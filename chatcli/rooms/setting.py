"""`chat_rooms set`."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli.rooms.description import described
from chatcli.rooms.fields import Assignment, assignment
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore import services
from chatcore.actors import SYSTEM


class Set(Subcommand):
    help = "Change what a room is."
    examples = """\
  ./manage.py chat_rooms set newbox title="New things" private=yes
  ./manage.py chat_rooms set newbox retention=30d max-length=500
  ./manage.py chat_rooms set newbox topic= max-length= retention=forever  # none, the site's, for ever"""
    notes = """\
keys: title, topic, private=yes|no, announce-only=yes|no, retention=30d|forever, max-length=N"""
    usage = "ROOM KEY=VALUE ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="which")
        parser.add_argument(
            "assignments", metavar="KEY=VALUE", nargs="+", type=assignment, help="what, and to what; empty: none"
        )

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        room: str,
        assignments: list[Assignment],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        fields = dict(assignments)
        if len(fields) < len(assignments):
            raise CommandError("a key is given twice", returncode=2)
        changed = services.set_room(room, SYSTEM, **fields)
        names = ", ".join(fields).replace("_", "-")
        answer = {"status": "updated", "room": described(changed)}
        command.report(f"Updated room {changed.name}: {names}", answer, json=json, verbosity=verbosity)
