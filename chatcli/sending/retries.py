"""Again after a failure that passes: whatever it is that is tried."""

import time
from collections.abc import Callable
from typing import TypeVar

from chatcore.exceptions import ChatError, OutcomeUnknown

T = TypeVar("T")

#: The exit code of what may be better the next time.
TEMPORARY = 5
#: Seconds before the second try; each further pause is twice as long.
FIRST_PAUSE_S = 0.2


def retrying(
    attempt: Callable[[float], T],
    retries: int,
    *,
    until: float,
    repeatable: bool,
    renew: Callable[[], object] = lambda: None,
) -> T:
    """`attempt(seconds)`, and up to `retries` times again while it cannot be stored now and there is time left.

    `repeatable`: a second time does no harm if the first one's outcome is unknown. `renew` is called before each.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return attempt(max(0.0, until - time.monotonic()))
        except ChatError as error:
            waits = max(getattr(error, "wait", 0.0), pause * _jitter())
            harmful = isinstance(error, OutcomeUnknown) and not repeatable
            late = time.monotonic() + waits >= until
            if error.exit_code != TEMPORARY or not retries or harmful or late:
                raise
        renew()
        time.sleep(waits)
        retries, pause = retries - 1, 2 * pause


def _jitter() -> float:
    import random  # few commands need it

    return random.uniform(0.75, 1.25)  # noqa: S311  no secret
