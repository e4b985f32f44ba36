"""`chat_user export`."""

from itertools import islice
from typing import Any

import msgspec
from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.history import account_named
from chatcore.history.personal import personal_records

#: Lines that are written at once.
_AT_ONCE = 500


class Export(Subcommand):
    help = "Print all that is stored about a person, as JSON lines."
    examples = """\
  ./manage.py chat_user export alice > alice.jsonl
  ./manage.py chat_user export alice | jq 'select(.type == "message") | .message'"""
    notes = """\
The first line is the account; then sanctions, memberships, read marks, rooms that are open, scheduled messages; then
every message that the person wrote, room by room. Each line says by its "type" what it is."""
    usage = "USER [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="whose")

    def handle(self, command: SubcommandsCommand, *args: Any, user: str, **options: Any) -> None:
        command.refuse_quiet()
        records = personal_records(account_named(user))
        console = command.console
        while some := list(islice(records, _AT_ONCE)):
            console.json_lines([msgspec.json.encode(record) for record in some])
