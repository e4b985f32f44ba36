"""A command that is a program of its own, without Django: its streams, its errors, its exit code."""

import io
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from chatcli import process
from chatcli.console import Console, one_line
from chatcore.exceptions import ChatError


class Output:
    """A stream, written as Django's commands write theirs."""

    def __init__(self, stream: TextIO | None, *, losable: bool) -> None:
        """`losable`: that it cannot be written changes nothing. None: it is closed."""
        self._stream = io.StringIO() if stream is None else stream
        self._errors = (OSError, ValueError) if losable else ()
        self.encoding = getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, msg: str, style_func: Callable[[str], str] | None = None, ending: str | None = None) -> None:
        """The text, with a line's end, or with `ending`."""
        end = "\n" if ending is None else ending
        with suppress(*self._errors):
            self._stream.write(msg if msg.endswith(end) else msg + end)

    def flush(self) -> None:
        """Nothing waits in the buffer any more."""
        with suppress(*self._errors):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether somebody may be looking."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor. OSError where there is none."""
        return self._stream.fileno()


class Program:
    """What `chatcli.talk.Talker` asks for, in a process of its own."""

    own_process = True

    def __init__(self, name: str, *, quiet: bool = False, colour: bool | None = None) -> None:
        """`name` begins what it says of errors; `colour`: None where the terminal decides."""
        self.name, self.quiet = name, quiet
        self.stdout = Output(sys.stdout, losable=False)
        self.stderr = Output(sys.stderr, losable=True)
        self._colour = colour

    @property
    def console(self) -> Console:
        """Where data goes."""
        return Console(self.stdout, colour=self.stdout.isatty() if self._colour is None else self._colour)

    def refuse_closed_output(self) -> None:
        """ChatError when there is nowhere to print what there is to say."""
        if sys.stdout is None and not self.quiet:
            raise ChatError("the standard output is closed: open it, or ask for no output by -q")

    def report(self, line: str, answer: dict[str, Any], *, json: bool, verbosity: int = 1) -> None:
        """The one line of a command that has changed something: for people, or `answer` as JSON."""
        if self.quiet:
            return
        try:
            if json:
                self.console.json(self.encoded(answer))
            else:
                self.console.line(line)
        except process.OutputLost as lost:
            lost.done = True
            raise

    def encoded(self, answer: dict[str, Any]) -> bytes:
        """The answer as JSON."""
        return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")

    def complain(self, line: str) -> None:
        """What went wrong, also if asked to be quiet."""
        self.stderr.write(f"{self.name}: {one_line(line)}")
        self.stderr.flush()

    def warn(self, line: str) -> None:
        """A line of talk."""
        if not self.quiet:
            self.talk(f"Warning: {line}")

    def talk(self, line: str) -> None:
        """A line on the standard error."""
        if not self.quiet:
            self.stderr.write(one_line(line))
            self.stderr.flush()

    def end(self, error: ChatError) -> NoReturn:
        """With this error: one line, and its exit code."""
        self.complain(str(error))
        sys.exit(error.exit_code)


def add_arguments(parser: ArgumentParser) -> None:
    """The options that all programs have."""
    all_have = parser.add_argument_group("what all have")
    all_have.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    all_have.add_argument("--json", action="store_true", help="print JSON lines")
    all_have.add_argument("--no-color", action="store_true", help="no colours on a terminal")
    all_have.add_argument("--force-color", action="store_true", help="colours also where there is no terminal")
    all_have.add_argument("-h", "--help", action="help", help="show this page")


def colour(*, no_color: bool, force_color: bool) -> bool | None:
    """Whether there are colours: https://no-color.org and https://force-color.org, under the flags; None: on a
    terminal."""
    if no_color or force_color:
        return force_color
    if os.environ.get("FORCE_COLOR"):
        return True
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
