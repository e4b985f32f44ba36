"""`chat_user list`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tables import Cell, show
from chatcore.history.accounts import AccountView, accounts


class List(Subcommand):
    help = "List accounts: what they may, and when somebody was here last."
    examples = """\
  ./manage.py chat_user list
  ./manage.py chat_user list alice bob
  ./manage.py chat_user list --json | jq -r 'select(.sanctions != []) | .name'"""
    notes = """\
LAST HERE is now, or the last time of reading or signing in. Under MUTED and BANNED stands until when, or yes."""
    usage = "[USER ...] [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("users", metavar="USER", nargs="*", help="only these")

    def handle(self, command: SubcommandsCommand, *args: Any, users: list[str], json: bool, **options: Any) -> None:
        show(
            command,
            list(accounts(users)),
            columns={
                "ACCOUNT": lambda account: account.name,
                "NAME": lambda account: account.username,
                "RIGHTS": _rights,
                "MUTED": lambda account: _held(account, "mute"),
                "BANNED": lambda account: _held(account, "ban"),
                "LAST HERE": lambda account: "now" if account.is_here else account.seen_at,
            },
            answer=_answer,
            json=json,
            empty="Nobody has an account yet: ./manage.py chat_user create USER",
        )


def _rights(account: AccountView) -> str:
    if not account.is_active:
        return "switched off"
    return "superuser" if account.is_superuser else "staff" if account.is_staff else ""


def _held(account: AccountView, kind: str) -> Cell:
    held = [sanction for sanction in account.sanctions if sanction.kind == kind]
    return (held[0].until or "yes") if held else None


def _answer(account: AccountView) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "username": account.username,
        "active": account.is_active,
        "staff": account.is_staff,
        "superuser": account.is_superuser,
        "here": account.is_here,
        "seen_at": account.seen_at,
        "sanctions": [sanction._asdict() for sanction in account.sanctions],
    }
