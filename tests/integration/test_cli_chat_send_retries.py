"""Trying again when something cannot be stored now."""

import time
from collections.abc import Callable

import pytest

from chatcli.sending import retries
from chatcli.sending.storing import retrying
from chatcore.exceptions import ChatError, Forbidden, OutcomeUnknown, RateLimited, Unavailable


class Attempts:
    """Fails with these errors, one after the other, then succeeds; `seconds` are those that each try was given."""

    def __init__(self, *errors: ChatError) -> None:
        self._errors = list(errors)
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> str:
        self.seconds.append(seconds)
        if self._errors:
            raise self._errors.pop(0)
        return "stored"


@pytest.fixture
def attempts(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Attempts]:
    """With pauses that a test can wait for. The connection is looked at between two tries."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    return Attempts


def in_seconds(seconds: float) -> float:
    return time.monotonic() + seconds


def test_what_fails_for_a_while_is_tried_again_within_the_same_time(attempts: Callable[..., Attempts]) -> None:
    attempt = attempts(Unavailable("locked"), OutcomeUnknown("lost"))
    assert retrying(attempt, 2, until=in_seconds(60), repeatable=True) == "stored"
    assert len(attempt.seconds) == 3
    assert 60 >= attempt.seconds[0] > attempt.seconds[1] > attempt.seconds[2] > 0


def test_it_ends_with_the_tries(attempts: Callable[..., Attempts]) -> None:
    attempt = attempts(*[Unavailable("locked")] * 9)
    with pytest.raises(Unavailable):
        retrying(attempt, 2, until=in_seconds(60), repeatable=True)
    assert len(attempt.seconds) == 3


def test_it_ends_with_the_time(attempts: Callable[..., Attempts]) -> None:
    attempt = attempts(*[Unavailable("locked")] * 9)
    with pytest.raises(Unavailable):
        retrying(attempt, 9, until=in_seconds(0), repeatable=True)
    assert len(attempt.seconds) == 1


def test_a_refusal_is_final(attempts: Callable[..., Attempts]) -> None:
    attempt = attempts(Forbidden("no"))
    with pytest.raises(Forbidden):
        retrying(attempt, 9, until=in_seconds(60), repeatable=True)
    assert len(attempt.seconds) == 1


def test_what_may_be_stored_already_is_repeated_only_where_that_does_no_harm(
    attempts: Callable[..., Attempts],
) -> None:
    attempt = attempts(OutcomeUnknown("lost"))
    with pytest.raises(OutcomeUnknown):
        retrying(attempt, 9, until=in_seconds(60), repeatable=False)
    assert len(attempt.seconds) == 1


def test_a_rate_limit_is_waited_for_if_there_is_time(attempts: Callable[..., Attempts]) -> None:
    attempt = attempts(RateLimited(0.05))
    begun = time.monotonic()
    assert retrying(attempt, 1, until=in_seconds(60), repeatable=True) == "stored"
    assert time.monotonic() - begun >= 0.05
    attempt = attempts(RateLimited(3600))
    with pytest.raises(RateLimited):
        retrying(attempt, 1, until=in_seconds(60), repeatable=True)
    assert len(attempt.seconds) == 1
