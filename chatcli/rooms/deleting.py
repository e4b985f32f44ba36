"""`chat_rooms delete`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.confirming import check_sure
from chatcli.progress import bar
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.history import room_named
from chatcore.services.removing import delete_room


class Delete(Subcommand):
    help = "Delete a room with all that was said in it, for good."
    examples = """\
  ./manage.py chat_rooms export newbox > newbox.jsonl  # first: nothing brings it back
  ./manage.py chat_rooms delete newbox --confirm newbox"""
    notes = """\
On a terminal it asks for the name, unless it is given by --confirm. A deletion that was interrupted is finished by
the same command. To keep what was said: chat_rooms archive."""
    usage = "ROOM --confirm ROOM [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="which")
        parser.add_argument("--confirm", metavar="ROOM", help="the same name once more, in place of a question")
        parser.add_argument("--no-input", action="store_true", help="ask nothing, just do it")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        room: str,
        confirm: str | None,
        no_input: bool,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        found = room_named(room)
        if not no_input:
            messages = f" and its messages (up to #{found.last_seq})" if found.last_seq else ""
            warning = f"Room {found.name}{messages} will be deleted for good."
            check_sure(command, warning, found.name, confirm)
        with bar(command) as show:
            deleted = delete_room(found.name, lambda done, of: show("deleting", done, of))
        count = f"{deleted:,} message{'' if deleted == 1 else 's'}"
        answer = {"status": "deleted", "room": found.name, "messages": deleted}
        command.report(f"Deleted room {found.name} with {count}", answer, json=json, verbosity=verbosity)
