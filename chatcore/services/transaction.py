"""The one way to write: a durable transaction in this process's turn, or a part of the caller's own."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, transaction

from chatcore import conf
from chatcore.bell import Batch
from chatcore.database import connection, explaining
from chatcore.exceptions import OutcomeUnknown
from chatcore.services.turnstile import turn

#: Seconds that Python's sqlite3 waits for a lock, unless it is told otherwise.
_USUAL_TIMEOUT = 5.0
#: What is called with what was committed, once it is.
Announce = Callable[[Sequence[Batch]], object]


@contextmanager
def writing(timeout: float, announce: Announce) -> Iterator[list[Batch]]:
    """A write: the body appends to the list what is to be rung after the commit.

    Outside a transaction it is durable: when this returns, the data is on disk and announced. Inside one it
    joins it, and is announced when that one commits, or never. Waits at most `timeout` seconds for other writers.
    """
    batches: list[Batch] = []
    with explaining():
        if connection.in_atomic_block:
            # a savepoint: what fails leaves nothing in the caller's transaction
            with transaction.atomic(using=conf.settings.DATABASE):
                yield batches
            if batches:
                transaction.on_commit(lambda: announce(batches), using=conf.settings.DATABASE)
            return
        deadline = time.monotonic() + timeout
        committing = False
        try:
            with _alone(deadline), transaction.atomic(using=conf.settings.DATABASE, durable=True):
                _limit_waiting(deadline)
                yield batches
                committing = connection.vendor != "sqlite"  # no server: where its commit fails, nothing is stored
        except (OperationalError, InterfaceError) as error:
            if committing:
                raise OutcomeUnknown("the database was lost while it stored: try again with the same key") from error
            raise
    if batches:
        announce(batches)


@contextmanager
def _alone(deadline: float) -> Iterator[None]:
    """SQLite has one writer at a time; PostgreSQL has locks of rows."""
    if connection.vendor == "postgresql":
        with _seeing_what_others_commit():
            yield
        return
    connection.ensure_connection()  # before the turn, for which others wait
    with turn(deadline):
        left = max(1, int(1000 * (deadline - time.monotonic())))
        connection.connection.execute(f"PRAGMA busy_timeout = {left}")  # for writers that take no turn
        try:
            yield
        finally:
            usual = int(1000 * connection.settings_dict["OPTIONS"].get("timeout", _USUAL_TIMEOUT))
            connection.connection.execute(f"PRAGMA busy_timeout = {usual}")


@contextmanager
def _seeing_what_others_commit() -> Iterator[None]:
    """READ COMMITTED for one transaction, whatever the site or the server have set: under a higher level, who has
    waited for a room's row is refused because it has changed."""
    from psycopg import IsolationLevel  # nobody else has it

    connection.ensure_connection()
    driver = connection.connection
    usual = driver.isolation_level
    if usual == IsolationLevel.READ_COMMITTED:
        yield
        return
    driver.isolation_level = IsolationLevel.READ_COMMITTED  # said by BEGIN: no round trip of its own
    try:
        yield
    finally:
        if connection.connection is driver and not driver.closed:
            driver.isolation_level = usual


def _limit_waiting(deadline: float) -> None:
    """PostgreSQL waits for the lock of a row without end, unless it is told otherwise for this transaction."""
    if connection.vendor == "postgresql":
        left = max(1, int(1000 * (deadline - time.monotonic())))
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(left)])
