"""A backup: a copy of SQLite's database as it is at one moment, under its name only when it is whole and checked."""

import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from chatcli.locks import try_lock
from chatcli.times import caller_zone
from chatcli.upkeep import files
from chatcli.upkeep.files import Contents
from chatcore.exceptions import BadRequest, ChatError, Conflict, Unavailable


class Backup(NamedTuple):
    """The file, its size in bytes, and what is in it."""

    path: Path
    size: int
    contents: Contents


def destination(given: str, database: Path, *, force: bool) -> Path:
    """Where the backup goes: a new name in a folder, or the file; Conflict for one that is there, unless forced."""
    path = Path(given).absolute()
    if path.is_dir():
        path /= f"chat-{stamp()}.sqlite3"
    if not path.parent.is_dir():
        raise BadRequest(f"no folder {path.parent}: make it first")
    if path.resolve() in {database.resolve().with_name(database.name + end) for end in ("", "-wal", "-shm")}:
        raise Conflict(f"{path} is the chat's database itself: give the backup another name")
    if path.exists() and not path.is_file():
        raise Conflict(f"{path} is no file that could be replaced: give the backup another name")
    if path.exists() and not force:
        raise Conflict(f"{path} exists: give the backup another name, or --force to replace it")
    return path


def back_up(database: Path, path: Path, progress: files.Progress) -> Backup:
    """Copy, check, and put the copy where it belongs; whatever fails, nothing half done has that name."""
    if not database.is_file():
        raise ChatError(f"there is no database yet ({database}): run ./manage.py migrate")
    with files.writing_to(path.parent), _draft(path) as draft:
        with files.read_only(database) as source:
            files.copy(source, draft, progress)
        if wrong := files.damage(draft):
            raise ChatError(f"the database is damaged ({wrong}): nothing was saved, see chat_check")
        found = Backup(path, draft.stat().st_size, files.contents(draft))
        draft.replace(path)
    files.sync(path.parent)
    return found


def dump_command(entry: dict[str, Any], path: str) -> str:
    """How PostgreSQL's own program saves this database; it asks for the password, or finds it in ~/.pgpass."""
    return _postgresql("pg_dump --format=custom", entry, shlex.quote(f"--file={path}"))


def load_command(entry: dict[str, Any], path: str) -> str:
    """The counterpart of `dump_command`."""
    return _postgresql("pg_restore --clean --if-exists --no-owner", entry, shlex.quote(path))


def stamp() -> str:
    """Now, in a file's name."""
    return f"{datetime.now(caller_zone()):%Y%m%d-%H%M%S}"


def _postgresql(program: str, entry: dict[str, Any], last: str) -> str:
    given = {
        "host": entry.get("HOST"),
        "port": entry.get("PORT"),
        "username": entry.get("USER"),
        "dbname": entry["NAME"],
    }
    options = [f"--{name}={shlex.quote(str(value))}" for name, value in given.items() if value]
    return " ".join([program, *options, last])


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, for this account only, and nobody else's draft; gone at the end."""
    draft = path.with_name(path.name + ".partial")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX):
            raise Unavailable(f"another backup is being written to {path}: wait for its end")
        os.ftruncate(descriptor, 0)
        os.fchmod(descriptor, 0o600)
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)
            draft.with_name(draft.name + "-journal").unlink(missing_ok=True)
    finally:
        os.close(descriptor)
