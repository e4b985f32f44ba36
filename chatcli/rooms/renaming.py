"""`chat_rooms rename`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.rooms.description import described
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.actors import SYSTEM
from chatcore.history import room_named
from chatcore.services.renaming import rename_room


class Rename(Subcommand):
    help = "Give a room another name."
    examples = """\
  ./manage.py chat_rooms rename newbox inbox
  ./manage.py chat_rooms rename newbox NewBox  # another spelling"""
    notes = """\
Its messages, members and schedules stay, open pages go on under the new name, chat_tail follows. Scripts that
name the room, and links to it, must be changed."""
    usage = "ROOM NEW [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", metavar="ROOM", help="which")
        parser.add_argument("new", metavar="NEW", help="letters, digits, - _ and .; at most 64")

    def handle(
        self, command: SubcommandsCommand, *args: Any, old: str, new: str, json: bool, verbosity: int, **options: Any
    ) -> None:
        before = room_named(old).name
        room = rename_room(old, new, SYSTEM)
        answer = {"status": "renamed", "before": before, "room": described(room)}
        command.report(f"Renamed room {before} to {room.name}", answer, json=json, verbosity=verbosity)
