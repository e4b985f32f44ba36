"""The report of a job: how it ended, and the end of what it printed, as text that fits a message."""

import signal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatcli.job.output import LARGEST, Tail, last_lines
from chatcli.job.report import fitted, report, result
from chatcli.job.running import Outcome
from tests.unit.hostile import HOSTILE


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(0, 123), "ok after 2 min 3 s"),
        (Outcome(3, 12), "failed with exit code 3 after 12 s"),
        (Outcome(137, 0.2), "failed with exit code 137 after less than a second"),
        (Outcome(137, 3, signal=signal.SIGKILL), "was killed by SIGKILL after 3 s"),
        (Outcome(168, 3, signal=40), "was killed by signal 40 after 3 s"),
        (Outcome(127, 0, obstacle="nope: No such file"), "could not start: nope: No such file"),
    ],
)
def test_the_result_is_told_in_words(outcome: Outcome, text: str) -> None:
    assert result(outcome) == text
    assert report("Nightly backup", outcome, 20) == f"Nightly backup: {text}"


def test_the_end_of_the_output_follows_the_result() -> None:
    output = b"".join(b"line %d\n" % number for number in range(1, 101))
    assert report("Job", Outcome(0, 1, output), 3) == "Job: ok after 1 s\nline 98\nline 99\nline 100"
    assert report("Job", Outcome(0, 1, output), 0) == "Job: ok after 1 s"
    assert report("Job", Outcome(0, 1, output), 1000).count("\n") == 100


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (b"", ""),
        (b"\n\n", ""),
        (b"a\r\nb\r\n", "a\nb"),
        (b"Gr\xc3\xbc\xc3\x9fe, Gr\xfc\xdfe", "Grüße, Gr\ufffd\ufffde"),
        (b"\xed\xa0\x80 half a pair", "\ufffd\ufffd\ufffd half a pair"),
        (b"a\0b", "a\ufffdb"),
        (b"10 %\r50 %\r100 %\ndone\r", "100 %\ndone"),
        (b"  indented\n\n  twice\n", "  indented\n\n  twice"),
    ],
)
def test_any_bytes_become_text(output: bytes, text: str) -> None:
    assert last_lines(output, 20) == text


@given(st.lists(st.binary(max_size=40)), st.integers(0, 5))
def test_whatever_is_printed_can_be_stored(chunks: list[bytes], count: int) -> None:
    tail = Tail()
    for chunk in chunks:
        tail.feed(chunk)
    assert tail.kept == b"".join(chunks)
    text = last_lines(tail.kept, count)
    text.encode()
    assert "\0" not in text
    assert text.count("\n") < max(count, 1)


def test_of_an_endless_output_only_the_end_is_kept() -> None:
    tail = Tail()
    for number in range(100):
        tail.feed(b"x" * 65_536 + b"%d" % number)
    assert len(tail.kept) == LARGEST
    assert tail.kept.endswith(b"x99")


@given(st.text(min_size=1, max_size=30), st.text(max_size=60), st.integers(1, 100))
@example("\n", "", 1)
def test_a_report_is_cut_to_any_limit(title: str, output: str, limit: int) -> None:
    text = fitted(f"{title}: ok\n{output}", limit)
    assert 0 < len(text) <= limit


def test_a_report_that_is_too_long_loses_the_beginning_of_the_output() -> None:
    text = report("Job", Outcome(1, 12, b"first\nsecond\nthird\n"), 20)
    first = "Job: failed with exit code 1 after 12 s"
    assert fitted(text, len(text)) == text
    assert fitted(text, len(text) - 1) == f"{first}\n…rst\nsecond\nthird"
    assert fitted(text, len(first) + 3) == f"{first}\n…d"
    assert fitted(text, len(first) + 2) == first
    assert fitted(text, len(first)) == first
    assert fitted(text, 10) == "…fter 12 s"


@pytest.mark.parametrize("trick", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_would_do_something_to_a_terminal_is_left_to_the_output(trick: str) -> None:
    text = report("Job", Outcome(0, 1, trick.encode()), 20)
    text.encode()
    assert text.startswith("Job: ok after 1 s\n")
