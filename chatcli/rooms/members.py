"""`chat_rooms members`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser

from chatcli.console import one_line
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import Cell, show
from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.history import room_named
from chatcore.history.members import Member, members
from chatcore.permissions import ROLES
from chatcore.services import RoleChange

COLUMNS: Mapping[str, Callable[[Member], Cell]] = {
    "ACCOUNT": lambda member: member.name,
    "ROLE": lambda member: member.role,
    "SINCE": lambda member: member.joined_at,
}


_ARTICLES = {"member": "a", "moderator": "a", "owner": "an"}


class Members(Subcommand):
    help = "List a room's members, or add and remove some."
    examples = """\
  ./manage.py chat_rooms members newbox
  ./manage.py chat_rooms members newbox --add alice:owner --add bob
  ./manage.py chat_rooms members newbox --remove bob"""
    notes = f"roles: {', '.join(ROLES)}. A room that has an owner keeps one."
    usage = "ROOM [--add USER[:ROLE]] ... [--remove USER] ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="which")
        parser.add_argument(
            "--add", metavar="USER[:ROLE]", action="append", default=[], help="give an account this role (member)"
        )
        parser.add_argument("--remove", metavar="USER", action="append", default=[], help="take an account out")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        room: str,
        add: list[str],
        remove: list[str],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        found = room_named(room)
        if not add and not remove:
            _list(command, found.id, found.name, json)
            return
        changes: dict[str, Callable[[], RoleChange]] = {}
        if both := {_with_role(person)[0] for person in add}.intersection(remove):
            raise CommandError(f"{one_line(min(both))} is to be added and removed: decide for one", returncode=2)
        for person in add:
            changes[person] = partial(services.add_member, found.name, *_with_role(person), SYSTEM)
        for person in remove:
            changes[person] = partial(services.remove_member, found.name, person, SYSTEM)

        def change(person: str) -> None:
            done = changes[person]()
            now = f"{_ARTICLES[done.after]} {done.after} now" if done.after else "no member any more"
            line = f"{found.name}: {done.account} is {now}"
            command.report(line, {"room": found.name, **done._asdict()}, json=json, verbosity=verbosity)

        command.each(changes, change)


def _list(command: SubcommandsCommand, room_id: int, name: str, json: bool) -> None:
    show(
        command,
        members(room_id, None),
        columns=COLUMNS,
        answer=lambda member: {"room": name, "name": member.name, "role": member.role, "joined_at": member.joined_at},
        json=json,
        empty=f"Room {name} has no members: add some by --add USER",
    )


def _with_role(text: str) -> tuple[str, str]:
    """The account and the role; an account's name may hold colons itself."""
    account, _, role = text.rpartition(":")
    return (account, role) if role in ROLES and account else (text, ROLES[0])
