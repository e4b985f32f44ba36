"""`chat_rooms new-epoch`."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.history import room_named, room_names
from chatcore.services.epochs import begin_epoch


class NewEpoch(Subcommand):
    help = "Tell all who follow a room that its history may be another one."
    examples = """\
  ./manage.py chat_rooms new-epoch newbox
  ./manage.py chat_rooms new-epoch --all"""
    notes = """\
For a database that was copied back by other means than chat_restore, which does it itself. Pages and chat_tail
see a gap and read on from what is there; nothing is mixed."""
    usage = "ROOM ... | --all [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rooms", metavar="ROOM", nargs="*", help="which")
        parser.add_argument("--all", dest="all_rooms", action="store_true", help="every room, archived ones too")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        rooms: list[str],
        all_rooms: bool,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        if bool(rooms) == all_rooms:
            raise CommandError("name rooms, or all of them by --all", returncode=2)

        def begin(room: str) -> None:
            epoch, name = begin_epoch(room), room_named(room).name
            answer = {"status": "updated", "room": name, "epoch": epoch}
            command.report(f"Room {name} has a new epoch", answer, json=json, verbosity=verbosity)

        command.each(room_names(archived=True) if all_rooms else rooms, begin)
