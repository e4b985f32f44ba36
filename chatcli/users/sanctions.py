"""`chat_user mute`, `unmute`, `ban` and `unban`."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.times import future, when
from chatcore.actors import SYSTEM
from chatcore.services.sanctions import impose_sanction, lift_sanction

#: What somebody is who was muted or banned.
STATES = {"mute": "muted", "ban": "banned"}


class _Imposing(Subcommand):
    """Mute or ban people. Of several one that fails does not keep the others from it."""

    kind = ""
    usage = "USER ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("users", metavar="USER", nargs="+", help="an account, or several")
        parser.add_argument(
            "--until", type=future, metavar="TIME", help="it ends by itself then: 2h, 18:00, 2027-01-31"
        )
        parser.add_argument("--reason", metavar="TEXT", default="", help="why, for those who run the site")

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        users: list[str],
        until: datetime | None,
        reason: str,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        def impose(user: str) -> None:
            now = impose_sanction(user, self.kind, SYSTEM, until=until, reason=reason)
            state = STATES[self.kind]
            line = f"{now.account} is {state} until {'it is lifted' if until is None else when(until)}"
            answer = {"status": state, "user": now.account, "until": now.until, "reason": now.reason}
            command.report(line, answer, json=json, verbosity=verbosity)

        command.each(users, impose)


class _Lifting(Subcommand):
    """Free people. Who was free already is no failure."""

    kind = ""
    usage = "USER ... [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("users", metavar="USER", nargs="+", help="an account, or several")

    def handle(
        self, command: SubcommandsCommand, *args: Any, users: list[str], json: bool, verbosity: int, **options: Any
    ) -> None:
        def lift(user: str) -> None:
            free = lift_sanction(user, self.kind, SYSTEM)
            state = STATES[self.kind]
            line = f"{free.account} is {'no longer' if free.held else 'not'} {state}"
            answer = {"status": f"un{state}" if free.held else "unchanged", "user": free.account}
            command.report(line, answer, json=json, verbosity=verbosity)

        command.each(users, lift)


class Mute(_Imposing):
    kind = "mute"
    help = "Let people read and not write, in all rooms."
    examples = """\
  ./manage.py chat_user mute alice
  ./manage.py chat_user mute alice bob --until 2h --reason "a quiet afternoon"
  ./manage.py chat_user mute alice --until "2027-01-31 18:00\""""
    notes = "It holds at once: on the page, for programs, and for chat_send --as. Superusers cannot be muted."


class Ban(_Imposing):
    kind = "ban"
    help = "Keep people out of all rooms."
    examples = """\
  ./manage.py chat_user ban mallory --reason "sells watches"
  ./manage.py chat_user ban mallory --until 30d"""
    notes = "It holds at once; rooms that they have open are closed within seconds. Superusers cannot be banned."


class Unmute(_Lifting):
    kind = "mute"
    help = "Let people write again."
    examples = "  ./manage.py chat_user unmute alice bob"


class Unban(_Lifting):
    kind = "ban"
    help = "Let people in again."
    examples = "  ./manage.py chat_user unban mallory"
