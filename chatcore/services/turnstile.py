"""SQLite's writers take turns: its own busy wait is unfair, so that a busy process can starve the others.

Two file locks beside the database: A is the place at the door, B the room. A writer takes A, then B, gives A
back, works, gives B back. Who commits again and again has to queue for A like everybody else.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from chatcore.database import connection
from chatcore.exceptions import Unavailable

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.002


@contextmanager
def turn(deadline: float) -> Iterator[None]:
    """Hold this database's turn; Unavailable when it has not come by `deadline` (of `time.monotonic`)."""
    name = str(connection.settings_dict["NAME"])
    if connection.is_in_memory_db():  # type: ignore[attr-defined]
        yield
        return
    with ExitStack() as room:
        with ExitStack() as door:
            lock(f"{name}.turn-a", deadline, door)
            lock(f"{name}.turn-b", deadline, room)
        yield


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "give this account write access"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "nothing was stored, free some space and try again"
    return "nothing was stored, try again"


def lock(path: str, deadline: float, held: ExitStack) -> None:
    """An exclusive flock on `path`, given back when `held` closes, or by the kernel with its process's life.

    Unavailable when it has not come by `deadline` (of `time.monotonic`).
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        raise Unavailable(f"cannot write beside the database: {_remedy(error)}", f"{error.strerror}: {path}") from error
    held.callback(os.close, descriptor)
    if os.geteuid() == 0:  # as SQLite does with its own files: the database's owner must be able to lock it, too
        owner = os.stat(connection.settings_dict["NAME"])  # noqa: PTH116  for each write
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable("other programs keep the database busy: nothing was stored, try again") from None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return
