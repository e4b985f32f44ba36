"""`chat_rooms import`: reads an exported room to its end and checks it, then stores it, all of it or nothing."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.core.management.base import CommandError, CommandParser

from chatcli.console import one_line
from chatcli.progress import Show, bar
from chatcli.rooms.source import Source, opened
from chatcli.subcommands import Subcommand, SubcommandsCommand
from chatcli.tail.ending import SIGNALS, Signalled, die_of
from chatcore.exceptions import ChatError
from chatcore.history.transfer import MessageLine
from chatcore.services.imported_lines import ImportedLines
from chatcore.services.importing import ImportedRoom, import_room


class Import(Subcommand):
    help = "Make a room with all its messages from what export has printed."
    examples = """\
  ./manage.py chat_rooms import newbox.jsonl
  ./manage.py chat_rooms import newbox.jsonl --room newbox-2025 --create-users
  gunzip -c newbox.jsonl.gz | ./manage.py chat_rooms import -"""
    notes = """\
Messages keep their numbers, times and authors. The file is checked to its end before
anything is stored, and nobody sees the room before all of it is there. A room that exists
must be without messages: its members stay, all else becomes as the file has it."""
    usage = "FILE|- [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE|-", help="what export has printed; - is standard input")
        parser.add_argument("--room", metavar="ROOM", dest="as_room", help="call the room so (as the file has it)")
        parser.add_argument(
            "--create-users",
            action="store_true",
            help="make the accounts that are not here; nobody can sign in with one before it has a password",
        )

    def handle(
        self,
        command: SubcommandsCommand,
        *args: Any,
        file: str,
        as_room: str | None,
        create_users: bool,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        try:
            with opened(file) as source, bar(command) as show:
                imported = _imported(command, source, as_room, create_users, show)
        except Signalled as signalled:
            die_of(signalled.number)
            raise
        command.report(_told(imported), _answer(imported), json=json, verbosity=verbosity)


def _imported(
    command: SubcommandsCommand, source: Source, as_room: str | None, create_users: bool, show: Show
) -> ImportedRoom:
    lines = ImportedLines()
    for _ in _messages(source, lines):
        if source.number % 1000 == 0:
            show("checking", source.place, source.size)
    room = lines.end()
    of = room.last_seq - room.first_seq + 1
    with _stopping(ours=command.own_process) as stop_if_asked:

        def progress(stored: int) -> None:
            show("messages", stored, of)
            stop_if_asked()

        return import_room(
            msgspec.structs.replace(room, name=as_room or room.name),
            _messages(source, ImportedLines()),
            lines.accounts,
            progress,
            create_users=create_users,
        )


def _messages(source: Source, lines: ImportedLines) -> Iterator[MessageLine]:
    """The messages in the file, each checked; CommandError with the line that is wrong."""
    for line in source.lines():
        try:
            message = lines.take(line)
        except ChatError as error:
            raise CommandError(f"line {source.number}: {one_line(str(error))}", returncode=2) from error
        if message is not None:
            yield message


@contextmanager
def _stopping(*, ours: bool) -> Iterator[Callable[[], None]]:
    """Yields what raises Signalled once a signal has come that would end us; the second one ends us at once."""
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    def stop_if_asked() -> None:
        if came:
            raise Signalled(came[0])

    numbers = [number for number in SIGNALS if ours and signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, note)
    try:
        yield stop_if_asked
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _told(imported: ImportedRoom) -> str:
    room, made = imported.room, len(imported.created)
    numbers = f" #{room.seq_floor + 1}..#{room.last_seq}" if imported.messages else ""
    accounts = f", {made:,} account{'' if made == 1 else 's'} made" if made else ""
    messages = f"{imported.messages:,} message{'' if imported.messages == 1 else 's'}"
    return f"Imported room {room.name}{numbers} ({messages}{accounts})"


def _answer(imported: ImportedRoom) -> dict[str, Any]:
    room = {"name": imported.room.name, "first_seq": imported.room.seq_floor + 1, "last_seq": imported.room.last_seq}
    return {"status": "imported", "room": room, "messages": imported.messages, "created": imported.created}
