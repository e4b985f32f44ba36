"""`chat_restore`: puts a backup into the database's place."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.progress import bar
from chatcli.upkeep import backup, restore
from chatcli.upkeep.files import Contents
from chatcli.upkeep.pruning import counted
from chatcore import conf


class Command(LocalCommand):
    help = """\
Bring a backup back. What is there now is kept beside it, under another name."""
    examples = """\
  ./manage.py chat_restore /srv/backups/chat-20270131-040000.sqlite3
  ./manage.py chat_restore --no-input before-update.sqlite3  # without a question
  ./manage.py chat_restore -q --no-input chat.sqlite3
  ./manage.py chat_restore --no-input --json chat.sqlite3 | jq -r .before"""
    notes = """\
Stop the server first. A backup of an older version is brought up to date. Every room
begins a new history: pages, chat_tail and other readers that come back are told so, and
never mix what they knew with what is there."""
    usage = "PATH [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", help="a file that chat_backup made, or a copy of the database")
        parser.add_argument("--no-input", action="store_true", help="do not ask")
        super().add_arguments(parser)

    def handle(self, *args: Any, path: str, no_input: bool, json: bool, verbosity: int, **options: Any) -> None:
        entry = settings.DATABASES[conf.settings.DATABASE]
        if not entry["ENGINE"].endswith("sqlite3"):
            raise CommandError(
                f"PostgreSQL is restored by its own program: {backup.load_command(entry, path)}; "
                "then ./manage.py chat_rooms new-epoch --all"
            )
        given, database = Path(path), Path(entry["NAME"])
        restore.check_nobody_serves()
        found = restore.check_backup(given, database)
        if database.exists() and not no_input:
            self.ask(given, database, found)
        with bar(self, wanted=verbosity > 0) as show:
            done = restore.restore(given, database, lambda pages, of: show("copying", pages, of))
        kept = f"; what was there before is in {done.before}" if done.before else ""
        answer = {"status": "restored", "before": str(done.before) if done.before else None}
        self.report(
            f"Restored {counted(done.contents.rooms, 'room')} and {counted(done.contents.messages, 'message')}{kept}",
            {**answer, **done.contents._asdict()},
            json=json,
            verbosity=verbosity,
        )

    def ask(self, path: Path, database: Path, found: Contents) -> None:
        """Go on only after a yes."""
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError("this replaces the database: --no-input says that you want it", returncode=2)
        what = f"{counted(found.rooms, 'room')} and {counted(found.messages, 'message')}"
        self.stderr.write(one_line(f"Replace {database} by {path} ({what})? The old one is kept. [y/N] "), ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed", returncode=4)
