"""What sending and following need of the command that runs them, be it one of Django's or `roomline`. Types alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatcli.console import Console


class Stream(Protocol):
    """Django's OutputWrapper, or what does the same without Django."""

    def write(self, msg: str, style_func: Callable[[str], str] | None = None, ending: str | None = None) -> None:
        """Some text; `ending` follows it unless it is there already, a line's end by default."""

    def flush(self) -> None:
        """Nothing waits in the buffer any more."""

    def isatty(self) -> bool:
        """Whether somebody may be looking."""


class Talker(Protocol):
    """A command: where its data and its talk go."""

    @property
    def quiet(self) -> bool:
        """Whether it prints nothing but errors."""

    @property
    def own_process(self) -> bool:
        """Whether the process is this command's, and not that of a program which calls it."""

    @property
    def stderr(self) -> Stream:
        """Where talk goes."""

    @property
    def console(self) -> Console:
        """Where data goes."""

    def report(self, line: str, answer: dict[str, Any], *, json: bool, verbosity: int) -> None:
        """The one line of a command that has changed something: for people, or `answer` as JSON."""

    def encoded(self, answer: dict[str, Any]) -> bytes:
        """The answer as JSON."""

    def complain(self, line: str) -> None:
        """What went wrong, also if asked to be quiet."""

    def warn(self, line: str) -> None:
        """A line of talk."""
