"""`chat_token revoke`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.services.tokens import revoke_token


class Revoke(Subcommand):
    help = "End tokens, for good."
    examples = """\
  ./manage.py chat_token revoke backups
  ./manage.py chat_token revoke dashboard alerts"""
    notes = """\
It holds at once; sockets and streams that are open are closed within seconds. What was sent stays. The name is free
again, for another token."""
    usage = "NAME ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", metavar="TOKEN", nargs="+", help="its name; or several")

    def handle(
        self, command: SubcommandsCommand, *args: Any, names: list[str], json: bool, verbosity: int, **options: Any
    ) -> None:
        def revoke(name: str) -> None:
            token = revoke_token(name)
            answer = {"status": "revoked", "id": token.id, "name": token.name}
            command.report(f"Revoked token {token.name} ({token.id})", answer, json=json, verbosity=verbosity)

        command.each(names, revoke)
