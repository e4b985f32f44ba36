"""Rates: how they are written, and what a bucket lets through."""

import pytest

from chatcore.rates import Bucket, Buckets, Inflow, Rate, parsed_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s burst 50", Rate(10.0, 50.0)),
        ("120/m", Rate(2.0, 120.0)),
        ("1/h", Rate(1 / 3600, 1.0)),
        ("1/s burst 1", Rate(1.0, 1.0)),
        ("off", None),
    ],
)
def test_a_rate_is_a_number_a_unit_and_a_burst(text: str, rate: Rate | None) -> None:
    assert parsed_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "fast", "10", "10/d", "-1/s", "0/s", "0/s burst 5", "1/s burst 0", "1/s burst", "Off"]
)
def test_anything_else_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 10/s burst 50, or off"):
        parsed_rate(text)


def test_a_bucket_lets_the_burst_through_and_then_says_how_long_to_wait() -> None:
    buckets, rate = Buckets(), Rate(steady=1 / 3600, burst=5.0)
    assert [buckets.wait("alice", rate) for _ in range(5)] == [0.0] * 5
    assert 3590 < buckets.wait("alice", rate) <= 3600
    assert buckets.wait("bob", rate) == 0.0


def test_what_was_spent_comes_back_with_time() -> None:
    buckets, rate = Buckets(), Rate(steady=1e9, burst=1.0)
    assert [buckets.wait("alice", rate) for _ in range(20)] == [0.0] * 20


def test_waiting_costs_nothing() -> None:
    buckets, rate = Buckets(), Rate(steady=1 / 3600, burst=1.0)
    buckets.wait("alice", rate)
    waits = [buckets.wait("alice", rate) for _ in range(100)]
    assert max(waits) <= 3600


def test_many_people_do_not_pile_up() -> None:
    buckets, rate = Buckets(), Rate(steady=1e9, burst=10.0)
    for number in range(30_000):
        assert buckets.wait(str(number), rate) == 0.0
    assert len(buckets._buckets) <= 10_001


def test_what_is_still_owed_is_not_forgotten_among_many() -> None:
    buckets, rate = Buckets(), Rate(steady=1 / 3600, burst=1.0)
    for number in range(10_100):
        buckets.wait(str(number), rate)
    assert buckets.wait("0", rate) > 3500


def test_many_who_all_owe_do_not_make_each_call_look_through_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    forget = Buckets._forget

    def counted(self: Buckets, now: float, rate: Rate) -> None:
        looked.append(len(self._buckets))
        forget(self, now, rate)

    monkeypatch.setattr(Buckets, "_forget", counted)
    buckets, rate = Buckets(), Rate(steady=1 / 3600, burst=1.0)
    for number in range(45_000):
        buckets.wait(str(number), rate)
    assert looked == [10_000, 20_000, 40_000]


def test_what_costs_more_takes_more_out_of_the_bucket() -> None:
    bucket, rate = Bucket(), Rate(steady=1.0, burst=10.0)
    assert bucket.wait(rate, 7) == 0.0
    assert 3.9 < bucket.wait(rate, 7) <= 4.0
    assert bucket.wait(rate, 3) == 0.0


def test_what_costs_more_than_a_burst_is_had_once_and_paid_off_for_longer() -> None:
    bucket, rate = Bucket(), Rate(steady=1.0, burst=10.0)
    assert bucket.wait(rate, 100) == 0.0
    assert 90 < bucket.wait(rate, 1) <= 91
    assert 99 < bucket.wait(rate, 100) <= 100


def test_what_flows_in_is_limited_by_number_and_by_size() -> None:
    frames, size = Rate(steady=1 / 3600, burst=3.0), Rate(steady=1 / 3600, burst=100.0)
    assert [bool(wait) for wait in map(Inflow(frames, size).wait, [10, 10, 10, 10])] == [False, False, False, True]
    assert [bool(wait) for wait in map(Inflow(frames, size).wait, [60, 60, 40])] == [False, True, False]
    assert [bool(wait) for wait in map(Inflow(None, size).wait, [30] * 4)] == [False] * 3 + [True]
    assert not any(map(Inflow(None, None).wait, [10**9] * 1000))
