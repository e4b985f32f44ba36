"""`--lines` and `--jsonl`: many messages, in the order in which they come, a transaction for all that wait together."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from django.core.management.base import CommandError
from django.db import connections

from chatcli import server_record
from chatcli.base import LocalCommand
from chatcli.console import one_line
from chatcli.process import OutputLost
from chatcli.sending.answers import described
from chatcli.sending.dry_run import Rooms
from chatcli.sending.json_lines import fields_of
from chatcli.sending.lines import Line, Lines
from chatcli.sending.options import Options
from chatcli.sending.posts import attributes_of, author_of, longest_text, rooms_of
from chatcli.sending.progress import Progress
from chatcli.sending.storing import TEMPORARY, Ring, live, post_together
from chatcli.sending.tally import Tally
from chatcli.sending.texts import standard_input, truncated
from chatcore import history, services
from chatcore.database import database_file
from chatcore.exceptions import ChatError, OutcomeUnknown
from chatcore.permissions import Actor, check_post
from chatcore.services import Post, Posted
from chatcore.services.posts import check_text

#: Posts in one transaction: others wait for it.
BATCH = 250
#: How long others have the machine and the database to themselves after a full batch, as a part of its time.
REST = 0.3


class Draft(NamedTuple):
    """A line as fields of a Post, without the room."""

    number: int
    fields: dict[str, Any]


def post_lines(command: LocalCommand, options: Options) -> None:
    """Post each line of standard input, report each room. CommandError with the line when one is refused."""
    stream = standard_input()
    author = author_of(options)
    fields = attributes_of(options, author, kind="notice")
    rooms = _rooms(options, author, fields["kind"])
    run = Run(command, options, [room.name for room in rooms], min(map(longest_text, rooms)), fields)
    most = max(1, BATCH // len(rooms))
    with run.progress:
        for batch in Lines(stream).batches(most):
            began = time.monotonic()
            run.take(batch)
            if len(batch) == most:
                time.sleep(REST * (time.monotonic() - began))
    run.finish()


def _rooms(options: Options, author: Actor, kind: str) -> list[history.RoomView]:
    """The rooms, if the author may write there: told before the first line is read."""
    known = Rooms(create=options.create and not options.dry_run)
    found = [known.found(name, author) for name in rooms_of(options, author)]
    for room, standing in found:
        check_post(author, room, standing, kind)
    return [room if room.epoch else _created(room.name, options, author) for room, _ in found]


def _created(name: str, options: Options, author: Actor) -> history.RoomView:
    return services.create_room(name, existing="keep", actor=author, timeout=options.timeout).room


class Run:
    """One run through the lines: what they become, what is refused, and what there is to say at the end."""

    def __init__(
        self, command: LocalCommand, options: Options, rooms: list[str], limit: int, fields: dict[str, Any]
    ) -> None:
        """`fields` are those of all posts."""
        self.progress = Progress(command)
        self._command = command
        self._options = options
        self._limit = limit
        self._fields = fields
        self._rooms = rooms
        self._tallies = {room: Tally() for room in rooms}
        self._ring = Ring(wait=0)
        self._file = database_file()
        self._refused: list[int] = []
        self._lost: OutputLost | None = None

    def take(self, lines: Sequence[Line]) -> None:
        """Post these lines. A refused one ends the run after those before it, unless it shall go on."""
        drafts: list[Draft] = []
        for line in lines:
            try:
                draft = self._draft(line)
            except ChatError as error:
                self._post(drafts)
                drafts = []
                self._refuse(line.number, error)
            else:
                if draft is not None:
                    drafts.append(draft)
        self._post(drafts)
        self.progress.show(lines[-1].number)

    def finish(self) -> None:
        """Report each room; CommandError when lines were refused on the way."""
        live(self._command, self._ring.heard())  # warns if it must
        for room, tally in self._tallies.items():
            if not self._options.json and self._lost is None:
                line = tally.line(room, dry_run=self._options.dry_run)
                self._command.report(line, {}, json=False, verbosity=self._options.verbosity)
        if self._refused:
            count = len(self._refused)
            others = "could be sent" if self._options.dry_run else "are sent"
            raise CommandError(
                f"{count} line{'s were' if count > 1 else ' was'} refused, the others {others}",
                returncode=max(self._refused),
            )
        if self._lost is not None:
            self._lost.done = True
            raise self._lost

    def _draft(self, line: Line) -> Draft | None:
        """The line as a message; None for one that holds none. ChatError."""
        if line.error is not None:
            raise line.error
        if not line.text or line.text.isspace():
            return None
        fields = {"text": line.text} if self._options.lines else fields_of(line.text)
        if fields is None:
            return None
        if self._options.truncate:
            fields["text"] = truncated(fields["text"], self._limit)
        check_text(fields["text"], self._limit)
        if self._options.key is not None:
            fields.setdefault("key", f"{self._options.key}:{line.number}")
        return Draft(line.number, fields)

    def _post(self, drafts: Sequence[Draft]) -> None:
        """All of them in one transaction; if one is refused, one after the other up to that one."""
        if not drafts:
            return
        posts = [Post(room=room, **{**self._fields, **draft.fields}) for draft in drafts for room in self._rooms]
        try:
            stored = self._checked(posts) if self._options.dry_run else self._stored(posts)
        except ChatError as error:
            if error.exit_code == TEMPORARY:
                raise self._interrupted(error, drafts) from error
            if len(drafts) == 1:
                self._refuse(drafts[0].number, error)
                return
            for draft in drafts:
                self._post([draft])
            return
        self._tell(stored)

    def _stored(self, posts: Sequence[Post]) -> list[Posted]:
        if (found := database_file()) != self._file:
            connections.close_all()  # another file lies where ours was: writing on would be into nowhere
            self._file = found
        return post_together(posts, self._options, self._ring, until=time.monotonic() + self._options.timeout)

    def _checked(self, posts: Sequence[Post]) -> list[Posted]:
        return [Posted(self._preview.checked(post)) for post in posts]

    @cached_property
    def _preview(self) -> Rooms:
        return Rooms(create=False)

    def _tell(self, stored: Sequence[Posted]) -> None:
        """Count them, and print them as JSON at once."""
        for posted in stored:
            self._tallies[posted.message.room].add(posted)
        if not self._options.json or self._command.quiet or self._lost is not None:
            return
        far = "none" if self._options.dry_run or server_record.live_record() is None else "pushed"
        status = "dry-run" if self._options.dry_run else None
        answers = [described(status or posted.outcome, posted.message, far) for posted in stored]
        try:
            self._command.console.json_lines([msgspec.json.encode(answer) for answer in answers])
        except OutputLost as lost:
            self._lost = lost  # nobody reads any more: no reason to lose the rest of the lines

    def _refuse(self, number: int, error: ChatError) -> None:
        """End here, or say so and go on."""
        if not self._options.keep_going:
            sent = sum(tally.total for tally in self._tallies.values())
            before = f" ({sent} sent before it)" if sent else ""
            raise CommandError(f"line {number}: {one_line(str(error))}{before}", returncode=error.exit_code) from error
        self._refused.append(error.exit_code)
        self.progress.clear()
        self._command.stderr.write(f"line {number}: {one_line(str(error))}")

    def _interrupted(self, error: ChatError, drafts: Sequence[Draft]) -> CommandError:
        """That the chat cannot be written now, and how to go on."""
        first, last = drafts[0].number, drafts[-1].number
        advice = f"go on with line {first}"
        if self._options.key is not None:
            advice = "send all of it again with the same --key"
        elif isinstance(error, OutcomeUnknown):
            advice = f"look whether lines {first} to {last} are there, and go on after them"
        return CommandError(f"line {first}: {one_line(str(error))}; {advice}", returncode=error.exit_code)
