"""How much of something one person or socket may have: token buckets on the monotonic clock."""

import re
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

_FORM = re.compile(r"([1-9]\d*)/([smh])(?: burst ([1-9]\d*))?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
#: Above this many buckets the full ones, which say nothing, are forgotten.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`steady` per second, and up to `burst` at once."""

    steady: float
    burst: float


@lru_cache(maxsize=16)
def parsed_rate(text: str) -> Rate | None:
    """`10/s burst 50`, `100/m`, or `off` for None; ValueError for anything else."""
    if text == "off":
        return None
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is no rate: write it as 10/s burst 50, or off")
    steady = int(form[1]) / _SECONDS[form[2]]
    return Rate(steady, float(form[3] or form[1]))


class Bucket:
    """What has been spent comes back with time (a leaky bucket as a meter, ITU-T I.371)."""

    __slots__ = ("_at", "_spent")

    def __init__(self) -> None:
        self._spent, self._at = 0.0, time.monotonic()

    def wait(self, rate: Rate, cost: float = 1.0) -> float:
        """Spend `cost` and return 0, or return the seconds after which it may be spent.

        What costs more than a whole burst may be had out of a full bucket, and is paid off for longer.
        """
        now, steady, burst = time.monotonic(), rate.steady, rate.burst
        spent = self._spent - (now - self._at) * steady
        if spent < 0.0:
            spent = 0.0
        over = spent + (cost if cost < burst else burst) - burst
        if over > 0.0:
            return over / steady
        self._spent, self._at = spent + cost, now
        return 0.0

    def spent(self, now: float, rate: Rate) -> float:
        """What has not come back by then."""
        return max(0.0, self._spent - (now - self._at) * rate.steady)


class Inflow:
    """What comes in over one socket: frames, and their bytes. None is no limit."""

    __slots__ = ("_byte_rate", "_bytes", "_frame_rate", "_frames")

    def __init__(self, frames: Rate | None, size: Rate | None) -> None:
        self._frames, self._frame_rate = Bucket(), frames
        self._bytes, self._byte_rate = Bucket(), size

    def wait(self, size: int) -> float:
        """Count a frame of so many bytes and return 0; if it is one too many, the seconds after which it is none."""
        if self._frame_rate is not None and (wait := self._frames.wait(self._frame_rate)):
            return wait
        if self._byte_rate is None:
            return 0.0
        return self._bytes.wait(self._byte_rate, size)


class Buckets:
    """A bucket for each key. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._many = _MANY

    def wait(self, key: str, rate: Rate, cost: float = 1.0) -> float:
        """Spend `cost` and return 0, or return the seconds after which it may be spent."""
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                if len(self._buckets) >= self._many:
                    self._forget(time.monotonic(), rate)
                bucket = self._buckets[key] = Bucket()
            return bucket.wait(rate, cost)

    def _forget(self, now: float, rate: Rate) -> None:
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.spent(now, rate) > 0}
        self._many = max(_MANY, 2 * len(self._buckets))  # else each call would look through all that are left
