"""Lists of things: columns on a terminal, values with tabs in a pipe, JSON lines; safe whatever is in them."""

import errno
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from chatcli.base import LocalCommand
from chatcli.process import OutputLost
from chatcli.tables import Cell, show, show_facts
from tests.unit.hostile import FORBIDDEN, HOSTILE

Thing = tuple[Cell, ...]
COLUMNS = {"ROOM": lambda thing: thing[0], "COUNT": lambda thing: thing[1], "TITLE": lambda thing: thing[2]}
NOON = datetime(2026, 11, 22, 12, 0, 5, 123456, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "25")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", "Europe/Berlin")


def shown(stream: io.StringIO, *things: Thing, json: bool = False, quiet: bool = False) -> str:
    """What a list of these prints, or what it says on stderr instead."""
    error = io.StringIO()
    command = LocalCommand(stdout=stream, stderr=error)
    command.quiet, command._colour = quiet, False
    show(command, things, columns=COLUMNS, answer=_answer, json=json, empty="there are none: make one")
    return stream.getvalue() or f"stderr: {error.getvalue()}"


def _answer(thing: Thing) -> dict[str, Any]:
    return dict(zip(("room", "count", "title"), thing, strict=True))


def test_in_a_pipe_there_are_tabs_and_no_headline() -> None:
    assert shown(io.StringIO(), ("ops", 3, "Operations"), ("newbox", 12, None)) == "ops\t3\tOperations\nnewbox\t12\t\n"


def test_on_a_terminal_there_are_columns_and_numbers_stand_right() -> None:
    assert shown(Terminal(), ("ops", 3, "Operations"), ("newbox", 12, None)).split("\n") == [
        "ROOM    COUNT  TITLE",
        "ops         3  Operations",
        "newbox     12",
        "",
    ]


def test_wide_characters_take_two_places() -> None:
    lines = shown(Terminal(), ("世界", 1, "x"), ("e\u0301te", 2, "x"), ("👋🏽", 3, "x")).split("\n")[:-1]
    assert {cell_len(line[: line.rindex("x" if "x" in line else "TITLE")]) for line in lines} == {13}


@pytest.mark.parametrize("width", [24, 40, 60, 61, 200])
def test_no_line_is_wider_than_the_terminal_and_the_longest_column_loses_its_end(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = shown(Terminal(), ("a-long-name", 123, "word " * 20), ("b", 2, "世" * 30)).split("\n")[:-1]
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)
    if width > 24:
        assert [("…" in line) for line in lines] == [False, width < 200, width < 200]
        assert "a-long-name" in lines[1]
    assert "123" in lines[1]


def test_numbers_and_times_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "37")
    assert shown(Terminal(), ("newsroom", NOON, "New things"), ("b", None, "b")).split("\n") == [
        "ROOM      COUNT             TITLE",
        "newsroom  2026-11-22 13:00  New thin…",
        "b                           b",
        "",
    ]


def test_where_columns_do_not_fit_there_is_a_line_for_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    assert shown(Terminal(), ("newsroom", NOON, "a title that is long"), ("b", None, "b")).split("\n") == [
        "ROOM   newsroom",
        "COUNT  2026-11-22 13:00",
        "TITLE  a title that is …",
        "",
        "ROOM   b",
        "TITLE  b",
        "",
    ]


def test_in_a_pipe_nothing_is_lost() -> None:
    assert shown(io.StringIO(), ("n" * 64, 1, "x" * 2000)) == f"{'n' * 64}\t1\t{'x' * 2000}\n"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_moves_the_cursor_or_passes_for_another_line(stream: type[io.StringIO], text: str) -> None:
    output = shown(stream(), ("ops", 1, text), ("newbox", 2, "harmless"))
    assert not [character for character in FORBIDDEN if character in output]
    begins = [line.split()[0] for line in output.split("\n") if line[:1].strip()]
    assert [word for word in begins if word != "ROOM"] == ["ops", "newbox"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_has_the_text_itself_and_no_control_characters(text: str) -> None:
    output = shown(io.StringIO(), ("ops", 1, text), json=True)
    assert not [character for character in FORBIDDEN if character in output]
    assert json.loads(output) == {"room": "ops", "count": 1, "title": text}


def test_times_are_the_callers_short_on_a_terminal_and_exact_in_a_pipe() -> None:
    assert shown(io.StringIO(), ("ops", NOON, "")) == "ops\t2026-11-22T13:00:05+01:00\t\n"
    assert "2026-11-22 13:00\n" in shown(Terminal(), ("ops", NOON, "")).replace(" \n", "\n")
    assert json.loads(shown(io.StringIO(), ("ops", NOON, ""), json=True))["count"] == "2026-11-22T12:00:05.123456Z"


def test_an_empty_list_says_what_to_do_on_stderr() -> None:
    for stream in (io.StringIO(), Terminal()):
        assert shown(stream) == "stderr: there are none: make one\n"
        assert shown(stream, json=True) == "stderr: there are none: make one\n"


def test_quiet_is_silent() -> None:
    assert shown(io.StringIO(), ("ops", 1, "x"), quiet=True) == "stderr: "
    assert shown(io.StringIO(), quiet=True) == "stderr: "


def test_facts_have_a_line_each() -> None:
    def facts(stream: io.StringIO, *, json: bool = False) -> str:
        command = LocalCommand(stdout=stream, stderr=io.StringIO())
        command._colour = False
        known: dict[str, Cell] = {"name": "ops", "private": True, "max-length": None, "last": NOON}
        show_facts(command, known, {"name": "ops"}, json=json)
        return stream.getvalue()

    assert facts(io.StringIO()) == "name\tops\nprivate\tyes\nmax-length\t\nlast\t2026-11-22T13:00:05+01:00\n"
    assert facts(Terminal()).split("\n")[1] == "private     yes"
    assert facts(io.StringIO(), json=True) == '{"name":"ops"}\n'


def test_a_lost_output_is_told() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputLost, match="No space left"):
        shown(Full(), ("ops", 1, "x"))
