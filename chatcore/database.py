"""The database as threads use it: what its errors mean for people, and a thread with a connection of its own."""

import asyncio
import os
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    reset_queries,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from chatcore import conf
from chatcore.exceptions import ChatError, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_NOT_READY = ("no such table", "no such column", "has no column", "does not exist", "no such file")


class _ChatConnection:
    """This thread's connection to the database that has the chat's tables, `CHAT_DATABASE`, whichever that is now."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[conf.settings.DATABASE], name)


connection = cast(BaseDatabaseWrapper, _ChatConnection())


class NotMigrated(ChatError):
    """The database is not there, or has no tables for the chat, or old ones."""

    code = "not_migrated"


def explained(error: Error) -> ChatError:
    """The error of the database as one that says what to do."""
    reason = reason_of(error)
    if isinstance(error, (OperationalError, ProgrammingError)) and any(part in reason for part in _NOT_READY):
        return NotMigrated(f"the database is not ready ({reason}): run {migrate_command()}")
    if "locked" in reason or "lock timeout" in reason:
        return Unavailable("the database is locked by another program: nothing was stored, try again")
    if "deadlock detected" in reason or "could not serialize" in reason:
        return Unavailable("others wrote the same at the same time: nothing was stored, try again", reason)
    if "statement timeout" in reason:
        return Unavailable("the database is too busy: nothing was stored, try again", reason)
    if "readonly" in reason or "read-only" in reason:
        return Unavailable("the database cannot be written: give this account write access", reason)
    if "full" in reason or "No space left" in reason:
        return Unavailable("the disk is full: nothing was stored, free some space and try again", reason)
    return Unavailable("the database does not answer: nothing was stored, try again", reason)


def migrate_command(program: str = "python manage.py") -> str:
    """What makes the site's tables and the chat's."""
    command, alias = f"{program} migrate", conf.settings.DATABASE
    return command if alias == DEFAULT_DB_ALIAS else f"{command} && {command} --database {alias}"


def reason_of(error: Exception) -> str:
    """What the error says, on one line: PostgreSQL's driver takes several."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def trouble(error: BaseException | None) -> Unavailable | None:
    """What is wrong with the database, if the error is of that kind and not a fault of ours."""
    if isinstance(error, OSError):
        error = _unopened(error)
    if not isinstance(error, (OperationalError, InterfaceError)):
        return None
    found = explained(error)
    return found if isinstance(found, Unavailable) else None


@contextmanager
def opening() -> Iterator[None]:
    """Raise what the system refuses a connection that is being opened as `OperationalError`: psycopg lets an OSError
    pass when there is no descriptor to wait with. Any other OSError passes as it is."""
    try:
        yield
    except OSError as error:
        if (found := _unopened(error)) is None:
            raise
        raise found from error


def _unopened(error: OSError) -> OperationalError | None:
    """The same as the database's own error, if it arose in Django's way to a driver."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        opens = frame.f_code.co_name == "get_new_connection"
        if opens and isinstance(frame.f_locals.get("self"), BaseDatabaseWrapper):
            return OperationalError(error.strerror or reason_of(error))
    return None


@contextmanager
def explaining() -> Iterator[None]:
    """Raise the database's own failures as `ChatError`; wrong data (IntegrityError, DataError) passes as it is."""
    try:
        with opening():
            yield
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        raise explained(error) from error
    except DatabaseError as error:
        # SQLite: "database disk image is malformed" and its like; PostgreSQL: a standby, by an InternalError
        if type(error) is DatabaseError or "read-only transaction" in str(error):
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


def keep_connections() -> None:
    """This thread keeps its connections, and so takes none out of a pool for good."""
    for found in connections.all():
        if "pool" in (options := found.settings_dict["OPTIONS"]):
            own = {name: value for name, value in options.items() if name != "pool"}
            found.settings_dict = {**found.settings_dict, "OPTIONS": own}


class DatabaseThread:
    """One thread with its own connection, kept open: opening one costs more than a write does.

    After a failure the connection is closed, so that the next call begins with a fresh one.
    """

    def __init__(self, name: str) -> None:
        self._file: int | None = None
        self._executor = ThreadPoolExecutor(1, f"chat-{name}", keep_connections)
        #: Since when it carries out one call, of `time.monotonic`; None while it has nothing to do.
        self.busy_since: float | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`call(*args, **kwargs)` in the thread. Unavailable once it is closed."""
        loop = asyncio.get_running_loop()
        try:
            result = loop.run_in_executor(self._executor, lambda: self._guarded(call, *args, **kwargs))
        except RuntimeError as error:
            raise Unavailable("the server stops: nothing was done, try again in a moment") from error
        return await result

    def close(self) -> None:
        """Close the connection and end the thread; calls that wait are carried out first."""
        self._executor.submit(connections.close_all)
        self._executor.shutdown(wait=False)

    def _guarded(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.busy_since = time.monotonic()
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
            self.busy_since = None
            if settings.DEBUG:
                reset_queries()  # a kept connection would remember every query for ever
