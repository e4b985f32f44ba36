"""From DATABASE_URL to Django's DATABASES entry: SQLite, set up for a server beside commands, or PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from chatproject.environment import bad

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
EXAMPLE = "something like postgres://user:password@host:5432/name or sqlite:///var/chat.sqlite3"


def database(url: str | None, *, home: Path, default: Path, durable: bool) -> dict[str, Any]:
    """`url` is DATABASE_URL; without one the SQLite file `default`. A relative SQLite path hangs on `home`.

    `durable`: SQLite waits for the disk at each commit.
    """
    entry: dict[str, Any] = {"ENGINE": SQLITE, "NAME": str(default)} if url is None else parsed(url)
    options = entry.setdefault("OPTIONS", {})
    if entry["ENGINE"] == POSTGRESQL:
        options.setdefault("connect_timeout", 5)
        entry["DISABLE_SERVER_SIDE_CURSORS"] = True  # they would not outlive a statement behind PgBouncer
        return entry
    if entry["NAME"] != ":memory:":
        entry["NAME"] = str(home / entry["NAME"])
    options.setdefault("transaction_mode", "IMMEDIATE")  # a deferred one that turns to writing fails when another wrote
    options.setdefault("timeout", 5)
    options.setdefault("init_command", sqlite_pragmas(durable))
    return entry


def pool_connections(entry: dict[str, Any], most: int) -> None:
    """Requests share up to `most` connections from now on, where the database is PostgreSQL; 0: each opens its own.

    For who serves: a command would pay for the pool's threads. None is opened before its first use: servers are many.
    """
    if entry["ENGINE"] == POSTGRESQL and most and find_spec("psycopg_pool") is not None:
        entry["CONN_HEALTH_CHECKS"] = True  # a connection may have died since it was used last
        # a failed attempt is not repeated behind the scenes, after ever longer pauses: the next request tries anew
        pool = {"min_size": 0, "max_size": most, "timeout": 5, "max_idle": 60, "reconnect_timeout": 1}
        entry["OPTIONS"].setdefault("pool", pool)


def parsed(url: str) -> dict[str, Any]:
    import dj_database_url  # only here: most sites have no DATABASE_URL

    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:  # of the library's or of urllib
        raise bad("DATABASE_URL", url, EXAMPLE) from None
    if entry["ENGINE"] not in (SQLITE, POSTGRESQL) or not entry["NAME"]:
        raise bad("DATABASE_URL", url, EXAMPLE)
    if entry["ENGINE"] == POSTGRESQL and find_spec("psycopg") is None:
        raise ImproperlyConfigured(
            "DATABASE_URL names PostgreSQL, but its driver is missing: make venv EXTRAS=postgres"
        )
    return entry


def sqlite_pragmas(durable: bool) -> str:
    pragmas = ["journal_mode=WAL", f"synchronous={'FULL' if durable else 'NORMAL'}"]
    if durable and sys.platform == "darwin":
        pragmas.append("fullfsync=1")  # there, a plain fsync leaves the data in the drive's own memory
    return "; ".join(f"PRAGMA {pragma}" for pragma in pragmas)


def identity(entry: dict[str, Any]) -> str:
    """A short digest that is equal for all processes of one database: they ring each other under it.

    A server's address is no part of it: one database has different ones in different networks, and two databases of
    one name on one broker only cost a look, as each room's epoch tells them apart.
    """
    name = entry["NAME"] if entry["ENGINE"] == POSTGRESQL else os.path.realpath(entry["NAME"])
    return hashlib.sha256(f"{entry['ENGINE']} {name}".encode()).hexdigest()[:10]
