"""Lines of a stream as `chat_send --lines` reads them."""

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcli.sending.lines import Line, Lines
from chatcli.sending.texts import LARGEST, truncated


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[Line]]:
    """The lines of a file with these bytes."""

    def lines(data: bytes) -> list[Line]:
        path = tmp_path / "input"
        path.write_bytes(data)
        with path.open("rb") as stream:
            return [line for batch in Lines(stream).batches(100) for line in batch]

    return lines


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
        ("Grüße\u2028x\x85\f\v\n世界\n".encode(), ["Grüße\u2028x\x85\f\v", "世界"]),
        (b"  a  \n", ["  a  "]),
    ],
)
def test_a_line_ends_with_a_line_feed_and_is_numbered(
    read: Callable[[bytes], list[Line]], data: bytes, texts: list[str]
) -> None:
    assert read(data) == [Line(number, text) for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("data", "bad"),
    [
        ("eins\nzwölf\ndrei\n".encode("latin-1"), [2]),
        ("a\nb\n".encode("utf-16"), [1]),
        (b"a\n\xe4\xb8\nb\n\xff", [2, 4]),
    ],
)
def test_what_is_no_utf_8_is_an_error_of_its_line(
    read: Callable[[bytes], list[Line]], data: bytes, bad: list[int]
) -> None:
    lines = read(data)
    assert [line.number for line in lines if line.error is not None] == bad
    assert all("not UTF-8" in str(line.error) for line in lines if line.error is not None)


def test_a_line_of_ten_megabytes_is_read_and_a_larger_one_is_an_error_without_being_kept(tmp_path: Path) -> None:
    path = tmp_path / "input"
    with path.open("wb") as file:
        file.write(b"a\n" + b"x" * 10_000_000 + b"\n")
        for _ in range(10):
            file.write(b"y" * LARGEST)
        file.write(b"\nb\n")
    tracemalloc.start()
    with path.open("rb") as stream:
        lines = [
            (line.number, len(line.text), getattr(line.error, "exit_code", None))
            for batch in Lines(stream).batches(100)
            for line in batch
        ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == [(1, 1, None), (2, 10_000_000, None), (3, 0, 4), (4, 1, None)]
    assert peak < 6 * LARGEST


def test_lines_are_handed_out_as_they_come_and_together_when_they_wait() -> None:
    reading, writing = os.pipe()
    seen: list[list[str]] = []
    more = threading.Semaphore(0)

    def collect() -> None:
        with os.fdopen(reading, "rb") as stream:
            for batch in Lines(stream).batches(3):
                seen.append([line.text for line in batch])
                more.release()

    thread = threading.Thread(target=collect)
    thread.start()
    for piece in (b"first\nsec", b"ond\n", b"1\n2\n3\n4\n5"):
        os.write(writing, piece)
        assert more.acquire(timeout=10)
    os.close(writing)
    thread.join(10)
    assert seen == [["first"], ["second"], ["1", "2", "3"], ["4"], ["5"]]


@pytest.mark.parametrize(
    ("text", "limit", "cut"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("größer", 5, "größ…"), ("ab", 1, "…")]
)
def test_a_text_is_cut_with_a_mark(text: str, limit: int, cut: str) -> None:
    assert truncated(text, limit) == cut
