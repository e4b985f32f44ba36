"""Counting: what is added is there, in the right place."""

from concurrent.futures import ThreadPoolExecutor

from chatcore import metrics
from chatcore.metrics import Counter, Counters, Histogram


def test_a_counter_adds_up() -> None:
    counter = Counter()
    counter.add()
    counter.add(41)
    assert counter.value == 42


def test_a_value_counts_under_the_first_bound_that_it_does_not_pass() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (0.5, 1, 1.5, 4, 4.1, 100):
        histogram.observe(value)
    assert histogram.counts == [2, 1, 1, 2]
    assert histogram.total == 111.1


def test_words_are_counted_apart_and_by_any_thread() -> None:
    counters = Counters()
    with ThreadPoolExecutor(4) as threads:
        for word in ("rate", "forbidden"):
            for _ in range(500):
                threads.submit(counters.add, word)
    assert counters.values() == {"rate": 500, "forbidden": 500}


def test_a_refusal_is_counted_by_its_code() -> None:
    before = metrics.refusals().get("a_code_of_this_test", 0)
    metrics.refused("a_code_of_this_test")
    assert metrics.refusals()["a_code_of_this_test"] == before + 1
