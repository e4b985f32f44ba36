"""That only one process at a time prunes a database, on whichever machine it runs."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import Error

from chatcore.database import connection
from chatcore.exceptions import Unavailable
from chatcore.services.turnstile import lock

#: The name of PostgreSQL's advisory lock, two numbers within the database: "room" and the first of our locks.
_ADVISORY = (0x726F6F6D, 1)
_PAUSE = 0.05


class Busy(Unavailable):
    """Another process prunes."""

    def __init__(self) -> None:
        super().__init__("another process prunes this database: nothing was done, try again later")


@contextmanager
def only_one_prunes(wait: float) -> Iterator[None]:
    """Be the one that prunes; Busy if another one still does so after `wait` seconds. It ends with its process."""
    deadline = time.monotonic() + wait
    with ExitStack() as held:
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
            try:
                lock(f"{connection.settings_dict['NAME']}.prune", deadline, held)
            except Unavailable as error:
                raise (Busy() if isinstance(error.__context__, BlockingIOError) else error) from None
        elif connection.vendor == "postgresql":
            _advisory_lock(deadline, held)
        yield


def _advisory_lock(deadline: float, held: ExitStack) -> None:
    """A lock of this connection, which the server takes back when it ends."""
    while not _asked("SELECT pg_try_advisory_lock(%s, %s)"):
        if time.monotonic() >= deadline:
            raise Busy
        time.sleep(_PAUSE)
    held.callback(_give_back)


def _give_back() -> None:
    with suppress(Error):  # of a connection that was lost it is given back already
        _asked("SELECT pg_advisory_unlock(%s, %s)")


def _asked(question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, _ADVISORY)
        row: tuple[bool] = cursor.fetchone()
        return row[0]
