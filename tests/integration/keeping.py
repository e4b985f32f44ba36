"""Another program that keeps the database for itself, on either engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import connection


@contextmanager
def locked() -> Iterator[None]:
    """Another program writes and does not end: nobody else can, and all can read."""
    with closing(another_connection()) as other:
        other.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
        if connection.vendor == "postgresql":  # by itself it locks rows, and no table against those who write
            other.execute("LOCK TABLE chatcore_room IN EXCLUSIVE MODE")
        yield
        other.execute("ROLLBACK")


def another_connection() -> Any:
    """The driver's own, without Django, which allows none within an event loop."""
    entry = connection.settings_dict
    if connection.vendor == "sqlite":
        return sqlite3.connect(entry["NAME"], isolation_level=None)
    import psycopg

    address = {"host": entry["HOST"], "port": entry["PORT"], "user": entry["USER"], "password": entry["PASSWORD"]}
    return psycopg.connect(dbname=entry["NAME"], autocommit=True, **address)
