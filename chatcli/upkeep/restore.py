"""Bringing a backup back: made ready beside the database, then put into its place in one step."""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from chatcli import server_record
from chatcli.locks import try_lock
from chatcli.upkeep import files
from chatcli.upkeep.backup import stamp
from chatcli.upkeep.files import Contents
from chatcore.database import connection
from chatcore.exceptions import BadRequest, Forbidden, Unavailable
from chatcore.services.restoring import begin_new_history
from chatcore.services.turnstile import turn

#: Seconds to wait for those who write.
_PATIENCE = 10.0
#: What lies beside a database as a part of it.
_PARTS = ("-wal", "-shm", "-journal")


class Restored(NamedTuple):
    """What is there now, and where that is which was there before, if anything was."""

    contents: Contents
    before: Path | None


def check_nobody_serves() -> None:
    """Forbidden while a server runs on this data: it would go on with what it knows of the old one."""
    if (record := server_record.live_record()) is not None:
        raise Forbidden(f"a server runs on this data (pid {record.pid}, {record.address}): stop it first")


def check_backup(path: Path, database: Path) -> Contents:
    """What is in the file, if it can be restored: BadRequest when it is no sound database of the chat."""
    if not path.is_file():
        raise BadRequest(f"no such file: {path}")
    if database.exists() and path.samefile(database):
        raise BadRequest(f"{path} is the database that is there already")
    return files.contents(path)


def restore(path: Path, database: Path, progress: files.Progress) -> Restored:
    """Put a copy of the backup into the database's place, up to date and with new epochs."""
    with files.writing_to(database.parent), _workshop(database.parent) as folder:
        candidate = folder / "chat.sqlite3"
        with files.read_only(path) as source:
            files.copy(source, candidate, progress)
        if wrong := files.damage(candidate):
            raise BadRequest(f"{path} is damaged ({wrong}): take another backup")
        _bring_up_to_date(path, candidate)
        _take_over_owner(candidate, database)
        found = files.contents(candidate)
        check_nobody_serves()
        before = _put_in_place(candidate, database)
    files.sync(database.parent)
    return Restored(found, before)


@contextmanager
def _workshop(parent: Path) -> Iterator[Path]:
    """An empty folder on the database's own file system, so that a rename is all that is left to do; gone at the end.

    One at a time: what lies in it is a killed run's.
    """
    folder = parent / ".restoring"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            raise Unavailable("another chat_restore runs here: wait for its end")
        for left in folder.iterdir():
            left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _bring_up_to_date(path: Path, candidate: Path) -> None:
    with _connected_to(candidate):
        loader = MigrationLoader(connection)
        ours = {key for key in loader.applied_migrations if key[0] == "chatcore"}
        if unknown := ours - loader.disk_migrations.keys():
            newest = max(name for _, name in unknown)
            raise Forbidden(f"{path} was made by a newer version of this program ({newest}): update it first")
        call_command("migrate", interactive=False, verbosity=0, database=connection.alias)
        begin_new_history()
    with closing(sqlite3.connect(candidate)) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    files.sync(candidate)


@contextmanager
def _connected_to(path: Path) -> Iterator[None]:
    """Let this process's connection lead to that file."""
    connection.close()
    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], str(path)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def _take_over_owner(candidate: Path, database: Path) -> None:
    """The same account and rights as the database's, where root restores for another; else for us only."""
    if not database.exists():
        candidate.chmod(0o600)
        return
    found = database.stat()
    candidate.chmod(found.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(candidate, found.st_uid, found.st_gid)


def _put_in_place(candidate: Path, database: Path) -> Path | None:
    """One rename, in the turn of a writer; where the old database is now. Who has it open finds the other one."""
    with ExitStack() as held:
        if not database.exists():
            candidate.replace(database)
            return None
        held.enter_context(turn(time.monotonic() + _PATIENCE))
        _empty_log(database)
        before = _free_name(database)
        os.link(database, before)
        for part in _PARTS:  # left there they would be taken for the other database's
            with suppress(FileNotFoundError):
                Path(f"{database}{part}").rename(f"{before}{part}")
        candidate.replace(database)
    return before


def _free_name(database: Path) -> Path:
    """Where the old database goes; the second one of a second has a number."""
    name = f"{database.name}.before-restore-{stamp()}"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(path for path in map(database.with_name, names) if not path.exists())


def _empty_log(database: Path) -> None:
    """Write what SQLite's log has into the database itself. Unavailable while somebody reads it."""
    with closing(sqlite3.connect(database, timeout=_PATIENCE)) as opened:
        try:
            busy = opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.DatabaseError:
            return  # a damaged one is kept as it is
    if busy:
        raise Unavailable("another program uses the database: nothing was changed, stop it and try again")
