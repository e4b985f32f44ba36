"""`chat_backup`: saves the database into one file while the site runs."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from chatcli.base import LocalCommand
from chatcli.progress import bar
from chatcli.upkeep import backup
from chatcli.upkeep.files import sized
from chatcli.upkeep.pruning import counted
from chatcore import conf


class Command(LocalCommand):
    help = """\
Save everything that was said, and all accounts, into one file. The site goes on meanwhile."""
    examples = """\
  ./manage.py chat_backup /srv/backups             # a new file: chat-20270131-040000.sqlite3
  ./manage.py chat_backup before-update.sqlite3
  ./manage.py chat_backup --force -q /mnt/usb/chat.sqlite3  # in a crontab
  ./manage.py chat_backup --json /srv/backups | jq -r .path"""
    notes = """\
The file is the database as it was when the command began. It has this name only once it
is whole and checked, and only this account can read it: it holds password hashes.
chat_restore brings it back. PostgreSQL has a program of its own for this: its command
line is printed, and nothing is saved."""
    usage = "PATH [options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH", help="a new file, or a folder for one")
        parser.add_argument("--force", action="store_true", help="replace a file that is there")
        super().add_arguments(parser)

    def handle(self, *args: Any, path: str, force: bool, json: bool, verbosity: int, **options: Any) -> None:
        entry = settings.DATABASES[conf.settings.DATABASE]
        if not entry["ENGINE"].endswith("sqlite3"):
            self.name_command(backup.dump_command(entry, path), json=json, verbosity=verbosity)
            return
        database = Path(entry["NAME"])
        place = backup.destination(path, database, force=force)
        with bar(self, wanted=verbosity > 0) as show:
            found = backup.back_up(database, place, lambda done, of: show("saving", done, of))
        rooms, messages = counted(found.contents.rooms, "room"), counted(found.contents.messages, "message")
        self.report(
            f"Saved {found.path}: {rooms}, {messages}, {sized(found.size)}",
            {"status": "saved", "path": str(found.path), "bytes": found.size, **found.contents._asdict()},
            json=json,
            verbosity=verbosity,
        )

    def name_command(self, line: str, *, json: bool, verbosity: int) -> None:
        """What to run in place of this one; silence would look as if something had been saved."""
        if self.quiet or (verbosity < 1 and not json):
            raise CommandError("PostgreSQL is saved by pg_dump: run this without -q to see its command line")
        self.report(line, {"status": "command", "command": line}, json=json, verbosity=verbosity)
