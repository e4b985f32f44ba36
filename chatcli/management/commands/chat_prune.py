"""`chat_prune`: takes away what is over, as a running server does by itself."""

import time
from typing import Any

from django.core.management.base import CommandParser

from chatcli.base import LocalCommand
from chatcli.progress import bar
from chatcli.upkeep import pruning
from chatcli.upkeep.pruning import Tally
from chatcore.services.exclusion import Busy, only_one_prunes

#: Seconds to wait for another process that prunes. A server's clock does it for some milliseconds at a time.
PATIENCE_S, SKIP_PATIENCE_S = 10.0, 1.0


class Command(LocalCommand):
    help = """\
Take away what is over: messages older than their room keeps them, and those that have expired.

A running server does all of this by itself: this is for sites where none runs, and for
those who do not want to wait."""
    examples = """\
  ./manage.py chat_prune --dry-run          # what would go
  ./manage.py chat_prune
  ./manage.py chat_prune -q --skip-if-locked --deliver  # in a crontab
  ./manage.py chat_prune --json | jq .messages"""
    notes = """\
How long a room keeps its messages: create_room ROOM --update --retention 30d. What is
older cannot be read any more at once; the rows follow in small batches, so that people
can go on writing meanwhile. It may be interrupted at any time and run again."""
    usage = "[options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-n", "--dry-run", action="store_true", help="say what would go, change nothing")
        parser.add_argument("--deliver", action="store_true", help="also send the scheduled messages that are due")
        parser.add_argument(
            "--skip-if-locked", action="store_true", help="if another process prunes, leave it to that one: exit 0"
        )
        super().add_arguments(parser)

    def handle(
        self,
        *args: Any,
        dry_run: bool,
        deliver: bool,
        skip_if_locked: bool,
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        if dry_run:
            self.tell(pruning.expected(deliver=deliver), json=json, verbosity=verbosity)
            return
        try:
            with only_one_prunes(SKIP_PATIENCE_S if skip_if_locked else PATIENCE_S):
                found = self.prune(deliver=deliver, verbosity=verbosity)
        except Busy:
            if not skip_if_locked:
                raise
            self.report("skipped: another process prunes", {"status": "skipped"}, json=json, verbosity=verbosity)
            return
        self.tell(found, json=json, verbosity=verbosity)

    def prune(self, *, deliver: bool, verbosity: int) -> Tally:
        """All of it, with a rest after each step as long as the step took: other writers come first."""
        found = Tally(dry=False)
        with bar(self, wanted=verbosity > 0) as show:
            began = time.monotonic()
            for _ in pruning.steps(found, deliver=deliver):
                time.sleep(time.monotonic() - began)
                show("pruning", found.rows, max(found.messages, found.rows))
                began = time.monotonic()
        return found

    def tell(self, found: Tally, *, json: bool, verbosity: int) -> None:
        """A line a room, then one for the rest if there is any; as data always, with the sums."""
        for room in found.rooms.values():
            self.report(room.line(dry=found.dry), room.answer(), json=json, verbosity=verbosity)
        if json or (line := found.line()):
            self.report("" if json else line, found.answer(), json=json, verbosity=verbosity)
