"""The arithmetic of chat_bench: percentiles, what a client has seen, how frames are told apart, what is said of it."""

import random
from argparse import ArgumentTypeError
from math import ceil

import pytest
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from chatcli.bench.frames import TEXT, Texts, split
from chatcli.bench.measures import Latencies, View
from chatcli.bench.plan import Plan
from chatcli.management.commands.chat_bench import a_second
from chatcore.events import encode, refusal
from chatcore.frames import text_frame
from tests.unit.sample import message


def latencies(*seconds: float) -> Latencies:
    found = Latencies()
    for value in seconds:
        found.add(value)
    return found


def test_a_percentile_is_the_nearest_rank_to_half_a_percent() -> None:
    values = [random.Random(7).expovariate(100) for _ in range(5000)]
    found = latencies(*values)
    for percent in (1, 50, 95, 99, 99.9):
        exact = sorted(values)[ceil(len(values) * percent / 100) - 1]
        assert found.percentile(percent) == pytest.approx(exact, rel=0.0051)
    assert (found.count, found.longest) == (5000, max(values))


def test_of_one_time_every_percentile_is_that_time_and_of_none_it_is_nothing() -> None:
    assert [latencies(0.02).percentile(percent) for percent in (1, 50, 100)] == [0.02] * 3
    assert Latencies().percentile(50) == 0
    assert latencies(-1.0, 0.0).percentile(99) == 0.0  # clocks have steps


def test_a_few_slow_ones_show_in_the_high_percentiles_only() -> None:
    found = latencies(*[0.001] * 980, *[1.0] * 20)
    assert found.percentile(50) == pytest.approx(0.001, rel=0.0051)
    assert found.percentile(98) == pytest.approx(0.001, rel=0.0051)
    assert found.percentile(98.1) == pytest.approx(1.0, rel=0.0051)


def seen(*revs: int) -> tuple[View, list[bool]]:
    view = View(10, 5)
    return view, [view.take(rev) for rev in revs]


def counts(view: View, head: int) -> tuple[int, int, int]:
    return view.lost(head), view.repeated, view.misplaced


def test_what_comes_once_and_in_order_is_neither_lost_nor_repeated_nor_misplaced() -> None:
    view, first = seen(11, 12, 13)
    assert counts(view, 13) == (0, 0, 0)
    assert first == [True] * 3


@pytest.mark.parametrize(
    ("revs", "expected"),
    [
        ((11, 13), (1, 0, 0)),
        ((11, 12), (1, 0, 0)),
        ((), (3, 0, 0)),
        ((13,), (2, 0, 0)),
        ((11, 12, 12, 13), (0, 1, 0)),
        ((11, 13, 12), (0, 0, 1)),
        ((13, 12, 11), (0, 0, 2)),
        ((11, 13, 12, 12, 13), (0, 2, 1)),
        ((10, 11, 12, 13), (0, 1, 0)),
        ((11, 12, 13, 14), (0, 0, 0)),
    ],
)
def test_losses_repeats_and_misplaced_events_are_counted_apart(
    revs: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    view, first = seen(*revs)
    assert counts(view, 13) == expected
    assert first.count(False) == expected[1]


def test_a_message_whose_number_is_not_above_the_last_ones_is_misplaced() -> None:
    view = View(10, 5)
    assert [view.take(11, 6), view.take(12, 6), view.take(13), view.take(14, 7)] == [True] * 4
    assert counts(view, 14) == (0, 0, 1)


PAYLOADS = [b"{}", b"x" * 125, b"y" * 126, b"z" * 65535, b"w" * 65536]


def test_frames_are_told_apart_whatever_their_size_and_wherever_the_stream_is_cut() -> None:
    ping = WireFrame(Opcode.PING, b"there?").serialize(mask=False)
    stream = b"".join(map(text_frame, PAYLOADS)) + ping + text_frame(b"last")
    for size in (1, 2, 3, 7, 125, 1000, 70_000, len(stream)):
        rest, got = b"", []
        for start in range(0, len(stream), size):
            rest += stream[start : start + size]
            frames, end = split(rest)
            got += [(first, rest[begin:stop]) for first, _, begin, stop in frames]
            rest = rest[end:]
        assert rest == b""
        assert got == [*((TEXT, payload) for payload in PAYLOADS), (0x89, b"there?"), (TEXT, b"last")]


def test_of_a_message_only_what_counts_is_read_and_only_once() -> None:
    texts, event = Texts(), message(seq=7, rev=9, client_id="abc:3", message='"seq":1,"rev":1')
    payload = encode(event)
    frame = texts.read(payload)
    assert (frame.type, frame.seq, frame.rev, frame.client_id) == ("message", 7, 9, "abc:3")
    assert texts.read(bytes(payload)) is frame


def test_a_refusal_keeps_its_reason() -> None:
    frame = Texts().read(encode(refusal("bench", "rate", "too many messages: wait 0.1 s", "abc:3")))
    assert (frame.type, frame.code, frame.detail) == ("error", "rate", "too many messages: wait 0.1 s")


def test_a_text_is_never_longer_than_the_room_takes_it() -> None:
    plan = Plan(clients=1, messages=1000, rate=None, longest=4000)
    assert plan.text(0).startswith("chat_bench: message 1 of 1000 ..")
    assert len(plan.text(999)) == 60
    assert Plan(clients=1, messages=1, rate=None, longest=5).text(0) == "chat_"


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e3", "", "0.0", "1_0", "1" * 400, "٣"])
def test_a_rate_is_a_number_above_nothing(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no rate: write how many a second"):
        a_second(text)


def test_a_rate_may_be_a_fraction() -> None:
    assert [a_second("20"), a_second("0.5")] == [20.0, 0.5]
