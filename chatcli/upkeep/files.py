"""SQLite files as backups know them: copied at one moment while others write, checked, and on the disk when done."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from chatcore.exceptions import BadRequest, ChatError, Unavailable

#: Pages between two looks at how far it is.
_STEP = 2_000
#: Seconds to wait for a lock of another program.
_PATIENCE = 10.0

#: Told how many pages are done, of how many.
Progress = Callable[[int, int], None]


class Contents(NamedTuple):
    """What is in a database of the chat."""

    rooms: int
    messages: int


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """The database in this file, as it is at this moment until the context ends: who writes meanwhile is not seen.

    BadRequest when it is none. A transaction is held, without which each write of others would start a copy anew.
    """
    failure: sqlite3.Error | None = None
    for access in ("mode=ro", "mode=ro&immutable=1"):  # the second: in a folder where no lock can be made
        try:
            opened = sqlite3.connect(f"file:{quote(str(path))}?{access}", uri=True, timeout=_PATIENCE)
        except sqlite3.Error as error:
            failure = error
            continue
        with closing(opened):
            try:
                opened.isolation_level = None
                opened.execute("BEGIN")
                opened.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    raise Unavailable(f"{path} is locked by another program: try again") from error
                failure = error
                continue
            except sqlite3.DatabaseError as error:
                raise BadRequest(f"{path} is no SQLite database, or a damaged one ({error})") from error
            yield opened
            return
    raise BadRequest(f"{path} cannot be opened ({failure}): see whether this account may read it")


def copy(source: sqlite3.Connection, path: Path, progress: Progress) -> None:
    """Make the file at `path`, which is empty, the same database, in one file without a log beside it."""
    with closing(sqlite3.connect(path, timeout=_PATIENCE)) as target:
        source.backup(target, pages=_STEP, progress=lambda _, left, total: progress(total - left, total))
        target.execute("PRAGMA journal_mode = DELETE")
    sync(path)


def damage(path: Path) -> str | None:
    """What is wrong with the database in this file; None if nothing was found."""
    with read_only(path) as opened:
        try:
            (found,) = opened.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
    return None if found == "ok" else str(found)


def contents(path: Path) -> Contents:
    """What is in the chat's database in this file. BadRequest when it is another program's."""
    with read_only(path) as opened:
        try:
            rooms, messages = (
                opened.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("chatcore_room", "chatcore_message")
            )
        except sqlite3.DatabaseError as error:
            raise BadRequest(f"{path} is no database of this chat ({error})") from error
    return Contents(rooms, messages)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """ChatError for what keeps files from being written there: rights, a full disk."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ChatError(f"nothing was changed: {folder} cannot be written ({reason})") from error


def sync(path: Path) -> None:
    """Return when this file, or what is in this folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sized(number: int) -> str:
    """`3.4 MB`."""
    size, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
