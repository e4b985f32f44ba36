"""`chat_token create`."""

import shlex
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from chatcli.banner import local, rooms_at
from chatcli.console import one_line
from chatcli.process import OutputLost
from chatcli.server_record import live_records
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.times import future
from chatcore.actors import ABILITIES
from chatcore.services.tokens import CreatedToken, create_hook, create_token, revoke_token

#: Where a server listens unless it is told otherwise.
_USUAL_ADDRESS = "http://127.0.0.1:8000"


class Create(Subcommand):
    help = "Make a token and print it, this once: of its secret only a digest is kept."
    examples = """\
  ./manage.py chat_token create backups --room ops --can send > backups.token
  ./manage.py chat_token create dashboard --room 'ops-*' --can read --expire 90d > dashboard.token
  ./manage.py chat_token create build --room ops --room news --rate "1/s burst 20" > build.token
  ./manage.py chat_token create alerts --hook ops        # prints an address to give to another service"""
    notes = """\
A glob such as 'ops-*' means public rooms, later ones too; a private room is named whole. What a token sends has its
NAME as author. Whoever has the token is the program: keep the file to its account (umask 077)."""
    usage = "NAME --room ROOM ... | --hook ROOM [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what people see as its author")
        parser.add_argument(
            "--room", action="append", default=[], metavar="ROOM", help="a room or a glob; again for more"
        )
        parser.add_argument("--can", type=_abilities, metavar="send|read", help="what it may (send,read)")
        parser.add_argument("--hook", metavar="ROOM", help="an address that only sends into this room")
        parser.add_argument("--expire", type=future, metavar="DUR|TIME", help="it ends by itself then: 90d, 2027-01-31")
        parser.add_argument("--rate", metavar="RATE", help='as CHAT_RATE, which holds otherwise: "10/s burst 50"')

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        name: str,
        room: list[str],
        can: tuple[str, ...] | None,
        hook: str | None,
        expire: datetime | None,
        rate: str | None,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        if command.quiet:
            raise CommandError("-q prints nothing, and the token is printed this once: leave it out", returncode=2)
        if (hook is None) != bool(room) or (hook is not None and can is not None):
            raise CommandError("for which rooms? either --room, with --can, or --hook ROOM", returncode=2)
        if hook is not None:
            created = create_hook(name, hook, expires_at=expire, rate=rate)
        else:
            created = create_token(name, room, can=can or ABILITIES, expires_at=expire, rate=rate)
        try:
            _show(command, created, json=json)
        except OutputLost as lost:
            revoke_token(created.token.name)  # nobody has it
            lost.done = False
            raise
        if verbosity > 0 and not json:
            command.stderr.write(_advice(created), str)


def _abilities(text: str) -> tuple[str, ...]:
    """The type of `--can`: `send`, `read`, or both with a comma between."""
    wanted = text.split(",")
    if not set(wanted) <= set(ABILITIES):
        raise ArgumentTypeError(f"{text!r}: write send, read, or send,read")
    return tuple(dict.fromkeys(wanted))


def _show(command: SubcommandsCommand, created: CreatedToken, *, json: bool) -> None:
    """What is secret, and nothing else."""
    token = created.token
    key, secret = ("token", created.text) if token.room is None else ("url", hook_address(created.text))
    answer = {"status": "created", "id": token.id, "name": token.name, "kind": token.kind, key: secret}
    command.report(secret, answer, json=json, verbosity=1)


def _advice(created: CreatedToken) -> str:
    """How to use it; the shell, and not this line, puts the secret in its place."""
    token = created.token
    name = one_line(token.name)
    head = f"This is {name}, shown this once. End it by: ./manage.py chat_token revoke -- {shlex.quote(name)}"
    if token.room is not None:
        use = f'  curl --json \'{{"text": "hello"}}\' {_address()}/hooks/...'
    elif "send" in token.grant.can:
        use = f'  curl -H "Authorization: Bearer $TOKEN" -d hello {_address()}/rooms/ROOM/messages'
    else:
        use = f'  curl -N -H "Authorization: Bearer $TOKEN" {_address()}/rooms/ROOM/stream'
    return f"{head}\n{use}"


def hook_address(text: str) -> str:
    """The address by which other services post."""
    return f"{_address()}/hooks/{text}"


def _address() -> str:
    """Where the HTTP API is: as the site says, else as the server that runs here does."""
    found = getattr(settings, "CHAT_PUBLIC_URL", None)
    if not found:
        running = (local(record.address) for record in live_records())
        found = next((address for address in running if address.startswith("http")), _USUAL_ADDRESS)
    return f"{rooms_at(found).rstrip('/')}/api"
