"""`chat_rooms show`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.rooms.description import described
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import Cell, show_facts
from chatcli.times import lasting
from chatcore.history import RoomView, latest_messages, room_named
from chatcore.history.members import members
from chatcore.history.presence import present_counts


class Show(Subcommand):
    help = "Say all about one room."
    examples = """\
  ./manage.py chat_rooms show newbox
  ./manage.py chat_rooms show newbox --json | jq .retention"""
    usage = "ROOM [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="which")

    def handle(self, command: SubcommandsCommand, *args: Any, room: str, json: bool, **options: Any) -> None:
        found = room_named(room)
        owners = [member.name for member in members(found.id, None) if member.role == "owner"]
        present = present_counts([found.id]).get(found.id, 0)
        last = latest_messages(found.id, 1, found.head)
        last_at = last[-1].created_at if last else None
        answer = {
            **described(found),
            "owners": owners,
            "present": present,
            "last_message_at": last_at,
            "pruned": found.seq_floor,
            "head": found.head,
            "floor": found.floor,
            "epoch": found.epoch,
        }
        facts = {**_facts(found), "owners": ", ".join(owners), "here now": present, "last message": last_at}
        show_facts(command, facts, answer, json=json)


def _facts(room: RoomView) -> dict[str, Cell]:
    return {
        "name": room.name,
        "title": room.title,
        "topic": room.topic,
        "private": room.private,
        "announce-only": room.announce_only,
        "archived": room.archived,
        "retention": "forever" if room.retention is None else lasting(room.retention.total_seconds()),
        "max-length": room.max_length or "as the site",
        "messages": room.last_seq,
        "removed": f"up to #{room.seq_floor}" if room.seq_floor else "none",
        "members": room.member_count,
    }
