"""`chat_user erase`."""

from typing import Any

from django.core.management.base import CommandParser

from chatcli.confirming import check_sure
from chatcli.progress import bar
from chatcli.sending.storing import Ring, live
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcore.history import account_named
from chatcore.services.erasing import Erased, erase_user


class Erase(Subcommand):
    help = "Forget a person: empty all their messages, for good."
    examples = """\
  ./manage.py chat_user erase alice                    # asks first
  ./manage.py chat_user erase alice --confirm alice
  ./manage.py chat_user erase alice --no-input -q      # in scripts"""
    notes = """\
Every message of the person is emptied and shown as one of a "deleted user"; its number stays. Memberships, read marks,
scheduled messages and sessions are gone, and the account is left without a name and without a way in. What others
wrote about the person stays. A run that was interrupted is finished by the next one."""
    usage = "USER [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="who is to be forgotten")
        parser.add_argument("--confirm", metavar="USER", help="the same name once more, in place of a question")
        parser.add_argument("--no-input", action="store_true", help="ask nothing, just do it")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        user: str,
        confirm: str | None,
        no_input: bool,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        account = account_named(user).name
        if not no_input:
            warning = f"All that {account} wrote will be emptied, in all rooms, for good."
            check_sure(command, warning, account, confirm)
        ring = Ring(wait=0)
        with bar(command) as show:
            done = erase_user(account, lambda count, of: show("erasing", count, of), announce=ring)
        live(command, ring.heard())
        _report(command, account, done, json=json, verbosity=verbosity)


def _report(command: SubcommandsCommand, account: str, done: Erased, *, json: bool, verbosity: int) -> None:
    count = f"{done.messages:,} message{'' if done.messages == 1 else 's'}"
    answer = {"status": "erased", "user": account, **done._asdict()}
    line = f"Erased {account}: {count} emptied, the account is {done.account} now"
    command.report(line, answer, json=json, verbosity=verbosity)
    for room in done.ownerless:
        command.warn(f"room {room} has no owner any more: ./manage.py chat_rooms members {room} --add USER:owner")
