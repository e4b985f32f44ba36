"""`chat_rooms archive` and `chat_rooms restore`."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore import services
from chatcore.actors import SYSTEM, Actor
from chatcore.history import room_named


class _EachRoom(Subcommand):
    """Something done with rooms, one after the other."""

    usage = "ROOM ... [options]"
    change: Callable[[str, Actor], bool]
    #: As JSON has it when something was changed; what is said then, and what when there was nothing to change.
    status: str
    done: str
    idle: str

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rooms", metavar="ROOM", nargs="+", help="which")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        rooms: list[str],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        def change(room: str) -> None:
            changed = self.change(room, SYSTEM)
            name = room_named(room).name
            answer = {"status": self.status if changed else "kept", "room": name}
            command.report((self.done if changed else self.idle).format(name), answer, json=json, verbosity=verbosity)

        command.each(rooms, change)


class Archive(_EachRoom):
    help = "Close rooms: they can be read, by who could before, and not be written to."
    examples = """\
  ./manage.py chat_rooms archive newbox
  ./manage.py chat_rooms archive old-1 old-2"""
    change = staticmethod(services.archive_room)
    status = "archived"
    done, idle = "Archived room {}", "Room {} is archived already"


class Restore(_EachRoom):
    help = "Open archived rooms again."
    examples = "  ./manage.py chat_rooms restore newbox"
    change = staticmethod(services.restore_room)
    status = "restored"
    done, idle = "Restored room {}", "Room {} is not archived"
