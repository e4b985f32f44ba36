"""What is stored, read past all of the project's own code: rooms, messages and changes as the tables have them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.site import ChatSite

ROOMS = "SELECT id, name, head, floor, last_seq, seq_floor FROM chatcore_room WHERE epoch <> ''"
MESSAGES = "SELECT room_id, seq, rev, id, text, deleted_at IS NOT NULL, author_id, key FROM chatcore_message"
CHANGES = "SELECT room_id, rev, id, seq, kind FROM chatcore_change"


@dataclass(frozen=True)
class StoredMessage:
    """A row of the messages."""

    seq: int
    rev: int
    id: str
    text: str
    deleted: bool = False
    author_id: str = ""
    key: str | None = None


@dataclass(frozen=True)
class StoredChange:
    """A row of the changes."""

    rev: int
    id: str
    seq: int
    kind: str = "edit"


@dataclass
class StoredRoom:
    """A room's counters and its rows, those below the floor among them."""

    name: str
    head: int
    last_seq: int
    floor: int = 0
    seq_floor: int = 0
    messages: list[StoredMessage] = field(default_factory=list)
    changes: list[StoredChange] = field(default_factory=list)

    def changed(self) -> dict[int, int]:
        """The rev of each message's last change, by its number."""
        return {row.seq: row.rev for row in sorted(self.changes, key=lambda row: row.rev)}

    @property
    def ids(self) -> dict[int, str]:
        """The id of the event at each rev."""
        return {row.rev: row.id for row in self.messages} | {row.rev: row.id for row in self.changes}


def stored(site: ChatSite) -> list[StoredRoom]:
    """All rooms of the site, running or not, in one transaction that only reads."""
    rooms, messages, changes = answers(site, ROOMS, MESSAGES, CHANGES)
    found = {key: StoredRoom(name, head, last, floor, below) for key, name, head, floor, last, below in rooms}
    for room, seq, rev, key, text, deleted, author, client_id in messages:
        if room in found:
            row = StoredMessage(seq, rev, _plain(key), text, bool(deleted), author, client_id)
            found[room].messages.append(row)
    for room, rev, key, seq, kind in changes:
        if room in found:
            found[room].changes.append(StoredChange(rev, _plain(key), seq, kind))
    return list(found.values())


def answers(site: ChatSite, *statements: str) -> list[Sequence[Any]]:
    """The rows that each finds, in one transaction that only reads."""
    url = site.env.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        address = f"file:{site.var_dir / 'chat.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            return [connection.execute(sql).fetchall() for sql in statements]
    import psycopg

    with psycopg.connect(url) as server:
        server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [server.execute(sql.encode()).fetchall() for sql in statements]


def _plain(key: object) -> str:
    """A UUID, as SQLite, PostgreSQL and the wire have it, in one way."""
    return str(key).replace("-", "")
