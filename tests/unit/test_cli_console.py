"""What comes out: safe on a terminal and in a pipe, whatever the text is."""

import io
import json
from collections.abc import Sequence

import msgspec
import pytest
from django.core.management.base import OutputWrapper

from chatcli.console import INDENT, Console, Span, one_line, plain
from tests.unit.hostile import FORBIDDEN, HOSTILE


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "25")
    monkeypatch.setenv("TERM", "xterm-256color")


def written(stream: io.StringIO, *records: Sequence[Span], colour: bool = False) -> str:
    console = Console(OutputWrapper(stream), colour=colour)
    for record in records:
        console.record(record)
    return stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_plain_text_has_nothing_that_moves_or_turns_anything(text: str) -> None:
    assert not [character for character in FORBIDDEN if character in plain(text)]
    assert one_line(text).splitlines() == [one_line(text)]


@pytest.mark.parametrize(
    "text", ["", "hello", "a\tb\nc", "Grüße, 世界 👋🏽", "مرحبا", "e\u0301", "\u200f", "back\\slash"]
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_what_is_unsafe_is_shown_and_not_dropped() -> None:
    assert plain("\x1b[2J\x07\r\x9b\u202e\udce9") == r"\x1b[2J\x07\r\x9b\u202e\udce9"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_record_begins_where_its_author_stands_and_nowhere_else(stream: type[io.StringIO], text: str) -> None:
    output = written(stream(), [("06:15:02 newbox #42 mallory: ", ""), (text, "")])
    assert not [character for character in FORBIDDEN if character in output]
    first, *others = output.split("\n")[:-1]
    assert first.startswith("06:15:02 newbox #42 mallory: ")
    assert all(line.startswith(INDENT) for line in others)


def test_markup_and_emoji_names_are_text() -> None:
    assert "[bold red]x[/] [/nonsense] :smile:" in written(
        Terminal(), [("[bold red]x[/] [/nonsense] :smile:", "")], colour=True
    )


def test_a_line_that_the_terminal_would_fold_is_folded_under_an_indent() -> None:
    text = "x" * 60 + " " * 10 + "06:15:03 newbox #43 admin: fake"
    lines = written(Terminal(), [("06:15:02 newbox #42 mallory: ", ""), (text, "")]).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(INDENT) for line in lines[1:])


def test_wide_characters_are_folded_by_their_width() -> None:
    lines = written(Terminal(), [("06:15:02 newbox #42 mallory: ", ""), ("世" * 60, "")]).splitlines()
    assert all(2 * line.count("世") + len(line.replace("世", "")) <= 80 for line in lines)
    assert sum(line.count("世") for line in lines) == 60


def test_in_a_pipe_nothing_is_folded_or_coloured() -> None:
    assert written(io.StringIO(), [("alice: ", "cyan"), ("y" * 500, "bold")]) == "alice: " + "y" * 500 + "\n"


def test_colours_come_only_when_they_are_wanted() -> None:
    assert written(Terminal(), [("alice", "cyan")], colour=True) == "\x1b[36malice\x1b[0m\n"
    assert written(Terminal(), [("alice", "cyan")], colour=False) == "alice\n"
    assert (
        written(io.StringIO(), [("alice", "cyan"), ("y" * 500, "")], colour=True)
        == "\x1b[36malice\x1b[0m" + "y" * 500 + "\n"
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_is_one_safe_line_and_the_same_text(text: str) -> None:
    stream = io.StringIO()
    Console(OutputWrapper(stream), colour=False).json(msgspec.json.encode({"message": text}))
    assert not [character for character in FORBIDDEN if character in stream.getvalue()]
    assert stream.getvalue().splitlines() == [stream.getvalue()[:-1]]
    assert json.loads(stream.getvalue()) == {"message": text}


def test_json_is_ascii_where_the_output_is_not_utf_8() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "latin-1")
    Console(OutputWrapper(stream), colour=False).json(msgspec.json.encode({"m": "é 👋 \x9b"}))
    assert raw.getvalue() == rb'{"m":"\u00e9 \ud83d\udc4b \u009b"}' + b"\n"


def test_a_line_is_one_line() -> None:
    stream = io.StringIO()
    Console(OutputWrapper(stream), colour=False).line("a\nb\x1b")
    assert stream.getvalue() == "a\\nb\\x1b\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_many_lines_of_json_are_those_that_one_by_one_would_be(text: str) -> None:
    payloads = [msgspec.json.encode({"message": each}) for each in ("harmless", text, "x")]
    at_once, one_by_one = io.StringIO(), io.StringIO()
    Console(OutputWrapper(at_once), colour=False).json_lines(payloads)
    for payload in payloads:
        Console(OutputWrapper(one_by_one), colour=False).json(payload)
    assert at_once.getvalue() == one_by_one.getvalue()
    assert [json.loads(line)["message"] for line in at_once.getvalue().splitlines()] == ["harmless", text, "x"]
    assert not [character for character in FORBIDDEN if character in at_once.getvalue()]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("colour", [False, True])
def test_many_records_are_those_that_one_by_one_would_be(stream: type[io.StringIO], colour: bool) -> None:
    records = [[("alice: ", "cyan"), (text, "")] for text in (*HOSTILE.values(), "x" * 200, "ends with a line\n", "")]
    at_once, one_by_one = stream(), stream()
    Console(OutputWrapper(at_once), colour=colour).records(records)
    written(one_by_one, *records, colour=colour)
    assert at_once.getvalue() == one_by_one.getvalue()
    assert len([line for line in at_once.getvalue().splitlines() if not line.startswith(INDENT)]) == len(records)


class Counting(io.StringIO):
    """A stream that counts how often it is written to and flushed."""

    writes = flushes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)

    def flush(self) -> None:
        self.flushes += 1


def test_what_comes_at_once_is_one_write_and_one_flush() -> None:
    lines, records = Counting(), Counting()
    Console(OutputWrapper(lines), colour=False).json_lines([b"1"] * 500)
    Console(OutputWrapper(records), colour=False).records([[("a", "")]] * 500)
    for stream in (lines, records):
        assert (stream.writes, stream.flushes, stream.getvalue().count("\n")) == (1, 1, 500)


def test_nothing_is_no_line() -> None:
    stream = Counting()
    Console(OutputWrapper(stream), colour=False).json_lines([])
    Console(OutputWrapper(stream), colour=False).records([])
    assert (stream.writes, stream.getvalue()) == (0, "")
