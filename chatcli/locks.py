"""A lock on a file that other processes respect too. The kernel takes it back when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RETRY_S = 0.01


@contextmanager
def file_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock on `path`, a file made when missing; waits at most `timeout` seconds, then TimeoutError.

    The file stays: removing it would let two processes hold locks on two files of one name.
    """
    deadline = time.monotonic() + timeout
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        while not try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} has been locked by another process for {timeout:g} s")
            time.sleep(RETRY_S)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a lock of this kind (LOCK_EX, LOCK_SH) if nobody is in the way; never waits."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
