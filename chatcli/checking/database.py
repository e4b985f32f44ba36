"""The database: does it answer, has it the tables, can it be written, is it whole."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import Error
from django.db.migrations.loader import MigrationLoader

from chatcli.checking.findings import Finding, Level
from chatcli.startup import pending_migrations
from chatcore import services
from chatcore.database import NotMigrated, connection, database_file, explained, migrate_command
from chatcore.exceptions import ChatError

PART = "database"
#: Seconds: for a lock that others hold, and for reading through the file.
LOCK_S, READ_S = 3.0, 5.0
_STEPS = 10_000
_NOTHING_STORED = ": nothing was stored, try again"
_DAMAGED = ("malformed", "not a database", "corrupt")


class DatabaseLook:
    """Looks at the database, from whether it is there to whether each page is sound, as far as there is one."""

    def __init__(self) -> None:
        #: What was stored to see that it can be: a question that running servers answer. None if it could not be.
        self.inquiry: str | None = None
        #: Whether it answers at all.
        self.answers = False

    def look(self) -> Iterator[Finding]:
        try:
            yield _answering()
            self.answers = True
            yield from self._tables()
            if connection.vendor == "sqlite":
                yield from _journal()
                yield _wholeness()
        except Error as error:
            yield _failed(explained(error))
        except ChatError as error:
            yield _failed(error)

    def _tables(self) -> Iterator[Finding]:
        missing, foreign = pending_migrations(), _foreign_migrations()
        if missing:
            what = f"{len(missing)} migrations are not applied, the first is {missing[0]}"
            yield Finding("migrations", Level.ERROR, what, migrate_command("./manage.py"), "chatcore.E101")
            return
        if foreign:
            what = f"the database was made by a newer version ({foreign[-1]})"
            hint = "Install that version, or restore a backup of this one's (./manage.py chat_restore)."
            yield Finding("migrations", Level.ERROR, what, hint, "chatcore.E102")
            return
        yield Finding("migrations", Level.OK, "all are applied")
        yield self._writing()

    def _writing(self) -> Finding:
        """A real write, by the way that all take."""
        began = time.perf_counter()
        try:
            self.inquiry = services.ask_delivery([], timeout=LOCK_S)
        except ChatError as error:
            reason = str(error).removesuffix(_NOTHING_STORED)
            hint = "See which program holds it (fuser), who owns the file, and that its disk is not full."
            return Finding(PART, Level.ERROR, f"it cannot be written: {reason}", hint, "chatcore.E103")
        took = 1000 * (time.perf_counter() - began)
        return Finding(PART, Level.OK, f"stores within {took:.1f} ms", figures={"commit_ms": round(took, 2)})


def _answering() -> Finding:
    """Raises what the database does."""
    database_file()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout = {int(1000 * LOCK_S)}")
            cursor.execute("SELECT count(*) FROM sqlite_master")  # reads the file, as opening it does not
        else:
            cursor.execute("SELECT 1")
        cursor.fetchone()
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return Finding(PART, Level.OK, f"SQLite {sqlite3.sqlite_version} at {name}, {_size(Path(str(name)))}")
    version = ".".join(map(str, connection.get_database_version()))
    return Finding(PART, Level.OK, f"{connection.display_name} {version}, {name}, answers")


def _size(path: Path) -> str:
    size = path.stat().st_size if path.exists() else 0
    return f"{size / 1e6:,.1f} MB"


def _foreign_migrations() -> list[str]:
    """What is applied and not known here, of the chat's own."""
    loader = MigrationLoader(connection)
    unknown = (loader.applied_migrations or {}).keys() - (loader.disk_migrations or {}).keys()
    return sorted(f"{app}.{name}" for app, name in unknown if app == "chatcore")


def _journal() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    if mode not in ("wal", "memory"):
        what = f"SQLite's journal is {mode}: who writes locks out who reads"
        hint = 'Add "init_command": "PRAGMA journal_mode=WAL" to OPTIONS in DATABASES; WAL needs a local disk.'
        yield Finding(PART, Level.WARNING, what, hint, "chatcore.W104")


def _wholeness() -> Finding:
    """SQLite's quick_check, as far as it gets in a few seconds."""
    until = time.monotonic() + READ_S
    raw = connection.connection
    raw.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        (answer,) = raw.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            return _failed(explained(Error(str(error))))
        what = f"too large to be read through in {READ_S:g} s: not checked for damage"
        hint = 'Now and then: sqlite3 var/chat.sqlite3 "PRAGMA quick_check"'
        return Finding(PART, Level.INFO, what, hint, "chatcore.I106")
    except sqlite3.DatabaseError as error:
        return _failed(explained(Error(str(error))))
    finally:
        raw.set_progress_handler(None, 0)
    if answer != "ok":
        return _damaged(str(answer))
    return Finding(PART, Level.OK, "SQLite finds no damage")


def _failed(error: ChatError) -> Finding:
    """A database that did not do what was asked."""
    reason = str(error).removesuffix(_NOTHING_STORED)
    if isinstance(error, NotMigrated):
        missing = reason.removesuffix(f": run {migrate_command()}")
        return Finding("migrations", Level.ERROR, missing, migrate_command("./manage.py"), "chatcore.E101")
    if any(word in reason for word in _DAMAGED):
        return _damaged(reason)
    return Finding(
        PART, Level.ERROR, reason, "See DATABASE_URL, and that its server or its disk is there.", "chatcore.E100"
    )


def _damaged(reason: str) -> Finding:
    hint = "Stop the server, keep the file, restore the last backup: ./manage.py chat_restore PATH"
    return Finding(PART, Level.ERROR, f"the database is damaged: {reason}", hint, "chatcore.E105")
