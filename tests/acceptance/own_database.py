"""A database of a site's own on the PostgreSQL server that the tests were given: a copy of a migrated one."""

import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg

from tests import engines

PROJECT = Path(__file__).resolve().parent.parent.parent
LOCK = 7_283_501  # any number; the tests' processes make the template one after the other


class OwnDatabase:
    """Made with all tables and no row of the chat, or with nothing in it; until `drop`."""

    def __init__(self, migrated: bool) -> None:
        self.name = f"site_{uuid.uuid4().hex[:12]}"
        with server() as connection:
            copied = f" TEMPLATE {template(connection)}" if migrated else ""
            connection.execute(f"CREATE DATABASE {self.name}{copied}".encode())

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return engines.named(engines.DATABASE_URL, self.name)

    def drop(self) -> None:
        """Whoever is connected."""
        with server() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)".encode())


@contextmanager
def server() -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection that makes databases."""
    with psycopg.connect(engines.named(engines.DATABASE_URL, "postgres"), autocommit=True) as connection:
        yield connection


def template(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    """The name of the migrated database of today's migrations, made by whoever comes first."""
    name = f"template_{migrations_digest()}"
    with locked(connection):
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            raw = f"{name}_raw"
            connection.execute(f"DROP DATABASE IF EXISTS {raw} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {raw}".encode())
            env = {**os.environ, "DATABASE_URL": engines.named(engines.DATABASE_URL, raw)}
            subprocess.run([sys.executable, PROJECT / "manage.py", "migrate", "-v0"], check=True, env=env, cwd="/")
            connection.execute(f"ALTER DATABASE {raw} RENAME TO {name}".encode())
    return name


@contextmanager
def locked(connection: "psycopg.Connection[tuple[object, ...]]") -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def migrations_digest() -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for path in sorted((PROJECT / "chatcore" / "migrations").glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
