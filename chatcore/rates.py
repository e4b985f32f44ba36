"""How much one person or socket may send: token buckets on the monotonic clock."""

import re
import threading
import time
from dataclasses import dataclass

_FORM = re.compile(r"([1-9]\d*)/([smh])(?: burst ([1-9]\d*))?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
#: Above this many buckets the full ones, which say nothing, are forgotten.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`steady` per second, and up to `burst` at once."""

    steady: float
    burst: float


def parsed_rate(text: str) -> Rate | None:
    """`10/s burst 50`, `100/m`, or `off` for None; ValueError for anything else."""
    if text == "off":
        return None
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"CHAT_RATE is {text!r}: write it as 10/s burst 50, or off")
    steady = int(form[1]) / _SECONDS[form[2]]
    return Rate(steady, float(form[3] or form[1]))


class Buckets:
    """A bucket for each key: what has been spent comes back with time (a leaky bucket as a meter, ITU-T I.371).

    For any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, tuple[float, float]] = {}
        self._many = _MANY

    def wait(self, key: str, rate: Rate) -> float:
        """Spend one and return 0, or return the seconds after which one may be spent."""
        with self._lock:
            now = time.monotonic()
            spent, at = self._spent.get(key, (0.0, now))
            spent = max(0.0, spent - (now - at) * rate.steady)
            if spent + 1 > rate.burst:
                return (spent + 1 - rate.burst) / rate.steady
            if len(self._spent) >= self._many:
                self._forget(now, rate)
            self._spent[key] = spent + 1, now
            return 0.0

    def _forget(self, now: float, rate: Rate) -> None:
        self._spent = {key: (spent, at) for key, (spent, at) in self._spent.items() if spent > (now - at) * rate.steady}
        self._many = max(_MANY, 2 * len(self._spent))  # else each call would look through all that are left
