"""The database as threads use it: what its errors mean for people, and a thread with a connection of its own."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    reset_queries,
)

from chatcore.exceptions import ChatError, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_NOT_READY = ("no such table", "no such column", "has no column", "does not exist", "no such file")


class NotMigrated(ChatError):
    """The database is not there, or has no tables for the chat, or old ones."""

    code = "not_migrated"


def explained(error: Error) -> ChatError:
    """The error of the database as one that says what to do."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, (OperationalError, ProgrammingError)) and any(part in reason for part in _NOT_READY):
        return NotMigrated(f"the database is not ready ({reason}): run python manage.py migrate")
    if "locked" in reason or "lock timeout" in reason:
        return Unavailable("the database is locked by another program: nothing was stored, try again")
    if "readonly" in reason or "read-only" in reason:
        return Unavailable(f"the database cannot be written ({reason}): give this account write access")
    if "full" in reason:
        return Unavailable(f"the disk is full ({reason}): free some space and try again")
    return Unavailable(f"the database does not answer ({reason}): nothing was stored, try again")


@contextmanager
def explaining() -> Iterator[None]:
    """Raise the database's own failures as `ChatError`; wrong data (IntegrityError, DataError) passes as it is."""
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        raise explained(error) from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # SQLite: "database disk image is malformed" and its like
            raise explained(error) from error
        raise


def places(count: int) -> str:
    """So many parameters of an SQL statement."""
    return ", ".join(["%s"] * count)


def rows_of(wanted: Collection[tuple[object, ...]]) -> str:
    """Parameters for all these rows, of one length, as a table (`VALUES`) that others are joined to.

    By such a join each row is looked up in an index. `a IN (...) AND b IN (...)` would look up every a with every b.
    """
    one = f"({places(len(next(iter(wanted))))})"
    return f"VALUES {', '.join([one] * len(wanted))}"


def database_path() -> str | None:
    """Where SQLite's database lies; None on other databases."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return None
    return str(connection.settings_dict["NAME"])


def database_file() -> int | None:
    """Which file SQLite's database is, by inode: a restored copy is another one. None on other databases.

    OperationalError when it is not there: to connect would make an empty one in its place.
    """
    path = database_path()
    return None if path is None else file_at(path)


def file_at(path: str) -> int:
    """The inode of the database's file; OperationalError when it is not there."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116  for each call of a thread
    except OSError as error:
        raise OperationalError(f"no such file: {path}") from error


class Commits:
    """Tells whether others have committed since the last look, on the connection of the thread that asks."""

    def __init__(self) -> None:
        self._file: int | None = None

    def version(self) -> tuple[int | None, int] | None:
        """A value that is another one when another connection has committed; None on a database that cannot tell.

        SQLite's `PRAGMA data_version`: it belongs to a connection, and is blind within a transaction.
        """
        if connection.vendor != "sqlite":
            return None
        if (found := database_file()) != self._file:
            connection.close()  # another file lies where ours was
            self._file = found
        connection.ensure_connection()
        with connection.wrap_database_errors:
            row: tuple[int] = connection.connection.execute("PRAGMA data_version").fetchone()
        return self._file, row[0]


class DatabaseThread:
    """One thread with its own connection, kept open: opening one costs more than a write does.

    After a failure the connection is closed, so that the next call begins with a fresh one.
    """

    def __init__(self, name: str) -> None:
        self._file: int | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"chat-{name}")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call(*args, **kwargs)` in the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: self._guarded(call, *args, **kwargs))

    def close(self) -> None:
        """Close the connection and end the thread; calls that wait are carried out first."""
        self._executor.submit(connections.close_all)
        self._executor.shutdown(wait=False)

    def _guarded(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with explaining():
                if (found := database_file()) != self._file:
                    connections.close_all()  # another file lies where ours was: writing on would be into nowhere
                    self._file = found
                return call(*args, **kwargs)
        except Unavailable:
            connections.close_all()
            raise
        finally:
            if settings.DEBUG:
                reset_queries()  # a kept connection would remember every query for ever
