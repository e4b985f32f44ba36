"""`chat_rooms list`."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.core.management.base import CommandParser

from chatcli.rooms.description import described
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import Cell, show
from chatcore.actors import SYSTEM
from chatcore.history import RoomView, room_names, rooms_for
from chatcore.history.presence import present_counts

_NONE = "There are no rooms: create one by ./manage.py create_room NAME"
_ALL_ARCHIVED = "All rooms are archived: add --archived"


class _Line(NamedTuple):
    room: RoomView
    present: int


COLUMNS: Mapping[str, Callable[[_Line], Cell]] = {
    "ROOM": lambda line: line.room.name,
    "MESSAGES": lambda line: line.room.last_seq,
    "MEMBERS": lambda line: line.room.member_count,
    "HERE": lambda line: line.present,
    "LAST MESSAGE": lambda line: line.room.last_message_at,
    "KIND": lambda line: kind(line.room),
    "TITLE": lambda line: line.room.title,
}


def kind(room: RoomView) -> str:
    """What sets the room apart from others."""
    marks = {"private": room.private, "announce-only": room.announce_only, "archived": room.archived}
    return ", ".join(mark for mark, has in marks.items() if has)


class List(Subcommand):
    help = "List the rooms."
    examples = """\
  ./manage.py chat_rooms list
  ./manage.py chat_rooms list --archived --json | jq -r .name"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--archived", action="store_true", help="those that are archived, too")

    def handle(self, command: SubcommandsCommand, *args: Any, archived: bool, json: bool, **options: Any) -> None:
        rooms = rooms_for(SYSTEM, archived=archived)
        present = present_counts([room.id for room in rooms])
        show(
            command,
            [_Line(room, present.get(room.id, 0)) for room in rooms],
            columns=COLUMNS,
            answer=_answer,
            json=json,
            empty=_ALL_ARCHIVED if room_names(archived=True) else _NONE,
        )


def _answer(line: _Line) -> dict[str, Any]:
    return {**described(line.room), "last_message_at": line.room.last_message_at, "present": line.present}
