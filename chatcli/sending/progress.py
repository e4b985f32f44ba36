"""How far a long run is, on a terminal only."""

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from chatcli.talk import Talker

FIRST_S, EVERY_S = 1.0, 0.25


class Progress:
    """One line on stderr that is written over again and again, and gone at the end."""

    def __init__(self, command: Talker) -> None:
        self._stream = command.stderr
        self._wanted = self._stream.isatty() and not command.quiet
        self._next = time.monotonic() + FIRST_S
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, lines: int) -> None:
        """So many lines are done."""
        if self._wanted and time.monotonic() >= self._next:
            self._shown = f"{lines:,} lines"
            self._write(f"\r{self._shown}")
            self._next = time.monotonic() + EVERY_S

    def clear(self) -> None:
        """Make room for another line."""
        if self._shown:
            self._write(f"\r{' ' * len(self._shown)}\r")
            self._shown = ""

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # talk that nobody hears
            self._stream.write(text, ending="")
            self._stream.flush()
