"""Waiting in tests: for a condition, with a deadline, never for a time. Slow machines set ROOMLINE_PATIENCE (1.0)."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which something that should have happened has failed.
DEADLINE_S = 40.0 * float(os.environ.get("ROOMLINE_PATIENCE", "1"))
#: How many times its small size a fault test has: 1 in `make test`, more in `make soak`.
SOAK = int(os.environ.get("ROOMLINE_SOAK", "1"))


def wait_until(condition: Callable[[], T], what: str, timeout: float = DEADLINE_S) -> T:
    """The first true value of `condition()`. Raises TimeoutError, which names `what` was awaited."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(0.01)
    return value
