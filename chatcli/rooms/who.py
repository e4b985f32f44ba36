"""`chat_rooms who`."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import Cell, show
from chatcore.actors import SYSTEM
from chatcore.events import Present
from chatcore.history import RoomView, room_named, rooms_for
from chatcore.history.presence import present_people


class _Line(NamedTuple):
    room: str
    person: Present


COLUMNS: Mapping[str, Callable[[_Line], Cell]] = {
    "ROOM": lambda line: line.room,
    "ACCOUNT": lambda line: line.person.name,
    "NAME": lambda line: line.person.username,
}


class Who(Subcommand):
    help = "Say who is in a room now, on all servers; without ROOM in every room."
    examples = """\
  ./manage.py chat_rooms who
  ./manage.py chat_rooms who newbox --json | jq -r .name"""
    usage = "[ROOM] [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", nargs="?", help="only there")

    def handle(self, command: SubcommandsCommand, *args: Any, room: str | None, json: bool, **options: Any) -> None:
        rooms = rooms_for(SYSTEM, archived=True) if room is None else [room_named(room)]
        show(
            command,
            _lines(rooms),
            columns=COLUMNS,
            answer=_answer,
            json=json,
            empty="Nobody is in a room now" if room is None else f"Nobody is in {rooms[0].name} now",
        )


def _lines(rooms: list[RoomView]) -> list[_Line]:
    found = present_people([room.id for room in rooms], math.inf)
    return [_Line(room.name, person) for room in rooms for person in found[room.id].people or ()]


def _answer(line: _Line) -> dict[str, Any]:
    return {"room": line.room, "id": line.person.id, "name": line.person.name, "username": line.person.username}
