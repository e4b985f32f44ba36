"""A run through lines of which each is a message: what they become, what is refused, what there is to say at the end.

How a message is stored is another's: see `bulk` here and `chatcli.remote.bulk`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from chatcli.console import one_line
from chatcli.process import OutputLost
from chatcli.sending.lines import Line
from chatcli.sending.options import Options
from chatcli.sending.progress import Progress
from chatcli.sending.retries import TEMPORARY
from chatcli.sending.tally import Tally
from chatcli.talk import Talker
from chatcore.exceptions import ChatError, OutcomeUnknown


class Draft(NamedTuple):
    """A line as fields of a Post, without the room."""

    number: int
    fields: dict[str, Any]


class Done(NamedTuple):
    """What became of a draft in one room; `answer` is for programs."""

    room: str
    outcome: str
    seq: int
    answer: dict[str, Any]


class LinesRefused(ChatError):
    """Not all lines were sent; `exit_code` is that of the worst."""

    code = "lines_refused"

    def __init__(self, detail: str, exit_code: int) -> None:
        super().__init__(detail)
        self.exit_code = exit_code


class Run(ABC):
    """One run through the lines."""

    def __init__(self, command: Talker, options: Options, rooms: Sequence[str]) -> None:
        self.progress = Progress(command)
        self.command, self.options, self.rooms = command, options, rooms
        self._tallies = {room: Tally() for room in rooms}
        self._refused: list[int] = []
        self._lost: OutputLost | None = None

    @abstractmethod
    def fitted(self, text: str) -> str:
        """The text, cut if that is wished. ChatError if it cannot be a message."""

    @abstractmethod
    def store(self, drafts: Sequence[Draft]) -> Sequence[Done]:
        """Post these drafts, all or none. ChatError, with an `index` where it is known which one is refused."""

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
        """Report each room; LinesRefused when lines were refused on the way."""
        for room, tally in self._tallies.items():
            if not self.options.json and self._lost is None:
                line = tally.line(room, dry_run=self.options.dry_run)
                self.command.report(line, {}, json=False, verbosity=self.options.verbosity)
        if self._refused:
            count = len(self._refused)
            others = "could be sent" if self.options.dry_run else "are sent"
            lines = f"{count} line{'s were' if count > 1 else ' was'} refused, the others {others}"
            raise LinesRefused(lines, max(self._refused))
        if self._lost is not None:
            self._lost.done = True
            raise self._lost

    def _draft(self, line: Line) -> Draft | None:
        """The line as a message; None for one that holds none. ChatError."""
        if line.error is not None:
            raise line.error
        if not line.text or line.text.isspace():
            return None
        fields: dict[str, Any] | None = {"text": line.text}
        if not self.options.lines:
            from chatcli.sending.json_lines import fields_of

            fields = fields_of(line.text)
        if fields is None:
            return None
        fields["text"] = self.fitted(fields["text"])
        if self.options.key is not None:
            fields.setdefault("key", f"{self.options.key}:{line.number}")
        return Draft(line.number, fields)

    def _post(self, drafts: Sequence[Draft]) -> None:
        """All of them together; if one is refused, those before it, and then on after it."""
        if not drafts:
            return
        try:
            done = self.store(drafts)
        except ChatError as error:
            if error.exit_code == TEMPORARY:
                raise self._interrupted(error, drafts) from error
            if len(drafts) == 1:
                self._refuse(drafts[0].number, error)
                return
            index = getattr(error, "index", None)
            if index is not None and 0 <= (place := index // len(self.rooms)) < len(drafts):
                parts = [drafts[:place], drafts[place : place + 1], drafts[place + 1 :]]
            else:
                parts = [[draft] for draft in drafts]
            for part in parts:
                self._post(part)
            return
        self._tell(done)

    def _tell(self, done: Sequence[Done]) -> None:
        """Count them, and print them as JSON at once."""
        for one in done:
            self._tallies.setdefault(one.room, Tally()).add(one.outcome, one.seq)
        if not self.options.json or self.command.quiet or self._lost is not None:
            return
        try:
            self.command.console.json_lines([self.command.encoded(one.answer) for one in done])
        except OutputLost as lost:
            self._lost = lost  # nobody reads any more: no reason to lose the rest of the lines

    def _refuse(self, number: int, error: ChatError) -> None:
        """End here, or say so and go on."""
        if not self.options.keep_going:
            sent = sum(tally.total for tally in self._tallies.values())
            before = f" ({sent} sent before it)" if sent else ""
            raise LinesRefused(f"line {number}: {one_line(str(error))}{before}", error.exit_code) from error
        self._refused.append(error.exit_code)
        self.progress.clear()
        self.command.stderr.write(f"line {number}: {one_line(str(error))}")

    def _interrupted(self, error: ChatError, drafts: Sequence[Draft]) -> ChatError:
        """That the chat cannot be written now, and how to go on."""
        first, last = drafts[0].number, drafts[-1].number
        advice = f"go on with line {first}"
        if self.options.key is not None:
            advice = "send all of it again with the same --key"
        elif isinstance(error, OutcomeUnknown):
            advice = f"look whether lines {first} to {last} are there, and go on after them"
        return LinesRefused(f"line {first}: {one_line(str(error))}; {advice}", error.exit_code)
