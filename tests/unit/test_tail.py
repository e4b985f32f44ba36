"""The kept tail of a room: bounded at its old end, whole in between."""

from hypothesis import given
from hypothesis import strategies as st

from chatcore.bell import Batch
from chatcore.hub.tail import Tail


def batch(prev: int, head: int, size: int = 10) -> Batch:
    return Batch(1, "epoch", prev, head, [b"%d " % rev + b"x" * size for rev in range(prev + 1, head + 1)])


def revs(payloads: list[bytes]) -> list[int]:
    return [int(payload.split()[0]) for payload in payloads]


def test_an_empty_tail_has_nothing_above_its_start() -> None:
    tail = Tail(41)
    assert tail.start == 41
    assert tail.above(41, 10) == []


def test_what_is_above_a_rev_may_begin_within_a_batch() -> None:
    tail = Tail(0)
    tail.append(batch(0, 3))
    tail.append(batch(3, 10))
    assert revs(tail.above(0, 100)) == list(range(1, 11))
    assert revs(tail.above(2, 100)) == list(range(3, 11))
    assert revs(tail.above(5, 2)) == [6, 7]
    assert revs(tail.above(10, 5)) == []


def test_the_oldest_events_are_forgotten_beyond_a_thousand() -> None:
    tail = Tail(0)
    for prev in range(0, 5000, 10):
        tail.append(batch(prev, prev + 10))
    assert tail.start == 4000
    assert revs(tail.above(4000, 2000)) == list(range(4001, 5001))


def test_the_oldest_events_are_forgotten_beyond_a_mebibyte() -> None:
    tail = Tail(0)
    for prev in range(20):
        tail.append(batch(prev, prev + 1, size=100_000))
    assert tail.start == 10
    assert revs(tail.above(tail.start, 100)) == list(range(11, 21))


def test_a_batch_that_is_too_large_leaves_an_empty_tail_at_its_head() -> None:
    tail = Tail(0)
    tail.append(batch(0, 1))
    tail.append(batch(1, 2000))
    assert tail.start == 2000
    assert tail.above(2000, 10) == []


def test_older_events_are_put_before_if_they_fit_and_follow() -> None:
    tail = Tail(100)
    tail.append(batch(100, 105))
    tail.prepend(batch(90, 100))
    assert tail.start == 90
    tail.prepend(batch(50, 80))  # does not end where the tail begins
    assert tail.start == 90
    tail.prepend(Batch(1, "epoch", 0, 90, [b"0 " + b"x" * 20_000] * 90))  # no room for it
    assert tail.start == 90
    assert revs(tail.above(90, 100)) == list(range(91, 106))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(0, 3000), st.integers(1, 600))
def test_above_is_always_the_run_right_after_the_rev(sizes: list[int], rev: int, limit: int) -> None:
    tail, head = Tail(0), 0
    for size in sizes:
        tail.append(batch(head, head + size))
        head += size
    rev = max(tail.start, min(rev, head))
    assert revs(tail.above(rev, limit)) == list(range(rev + 1, min(rev + limit, head) + 1))
