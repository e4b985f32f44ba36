"""How far a long run is."""

import io

import pytest
from django.core.management.base import OutputWrapper

from chatcli.management.commands.chat_send import Command
from chatcli.sending import progress
from chatcli.sending.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, quiet: bool = False) -> str:
    """What a run of 2,000 lines writes there, if a moment is long."""
    monkeypatch.setattr(progress, "FIRST_S", 0.0)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    command = Command()
    command.stderr, command.quiet = OutputWrapper(stream), quiet
    with Progress(command) as bar:
        bar.show(1000)
        bar.show(2000)
    return stream.getvalue()


def test_a_terminal_shows_one_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal()) == "\r1,000 lines\r2,000 lines\r           \r"


def test_nothing_is_shown_anywhere_else_or_if_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""
    assert shown(monkeypatch, Terminal(), quiet=True) == ""


def test_a_short_run_shows_nothing() -> None:
    stream = Terminal()
    command = Command()
    command.stderr = OutputWrapper(stream)
    with Progress(command) as bar:
        bar.show(1000)
    assert stream.getvalue() == ""
