"""`create_room`: makes a room, or sees to it that there is one."""

from datetime import timedelta
from typing import Any, Literal

from django.core.management.base import CommandParser

from chatcli.base import LocalCommand
from chatcli.numbers import whole
from chatcli.rooms.description import described
from chatcli.rooms.fields import retention
from chatcore import services

WORDS = {"created": "Created room {}", "kept": "Room {} exists", "updated": "Updated room {}"}


class Command(LocalCommand):
    help = "Create a room."
    examples = """\
  ./manage.py create_room newbox
  ./manage.py create_room ops --title "Operations" --private --owner alice
  ./manage.py create_room newbox --if-not-exists -q  # in scripts
  ./manage.py create_room newbox --update --retention 30d"""
    usage = "ROOM [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("room", metavar="ROOM", help="letters, digits, - _ and .; at most 64")
        parser.add_argument("--title", help="what people see above it")
        parser.add_argument("--topic", help="what it is about")
        parser.add_argument("--private", action="store_true", default=None, help="only members see it")
        parser.add_argument(
            "--announce-only", action="store_true", default=None, help="only its owners and moderators write"
        )
        parser.add_argument("--owner", metavar="USER", help="an account that may do everything in it")
        parser.add_argument(
            "--member",
            metavar="USER",
            dest="members",
            action="append",
            default=[],
            help="an account that belongs to it (repeat)",
        )
        parser.add_argument(
            "--retention", type=retention, metavar="30d|forever", help="how long messages are kept (forever)"
        )
        parser.add_argument("--max-length", type=whole(1), metavar="N", help="the longest message, in characters")
        existing = parser.add_mutually_exclusive_group()
        existing.add_argument(
            "--if-not-exists",
            action="store_const",
            const="keep",
            dest="existing",
            default="refuse",
            help="leave a room that exists as it is",
        )
        existing.add_argument(
            "--update",
            action="store_const",
            const="update",
            dest="existing",
            help="change a room that exists as the options say",
        )
        super().add_arguments(parser)

    def handle(
        self,
        *args: Any,
        room: str,
        title: str | None,
        topic: str | None,
        private: bool | None,
        announce_only: bool | None,
        owner: str | None,
        members: list[str],
        retention: timedelta | None,
        max_length: int | None,
        existing: Literal["refuse", "keep", "update"],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        created = services.create_room(
            room,
            title=title,
            topic=topic,
            private=private,
            announce_only=announce_only,
            owner=owner,
            members=members,
            retention=retention,
            max_length=max_length,
            existing=existing,
        )
        self.report(
            WORDS[created.outcome].format(created.name),
            {"status": created.outcome, "room": described(created.room)},
            json=json,
            verbosity=verbosity,
        )
