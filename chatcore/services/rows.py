"""Many rows written by one statement, in plain SQL: the quickest way that each database has.

PostgreSQL gets the rows as JSON: as parameters of their own they cost the driver, and repeated statements the server,
more than all the rest of a batch.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db.models import Model

from chatcore.database import connection, places

Rows = Sequence[tuple[Any, ...]]


def insert_rows(table: type[Model], columns: Sequence[str], rows: Rows) -> None:
    """Insert the rows, values as the database's driver takes them."""
    quoted = connection.ops.quote_name
    name, names = quoted(table._meta.db_table), ", ".join(map(quoted, columns))
    insert = f"INSERT INTO {name} ({names})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            select = f"SELECT {names} FROM json_populate_recordset(NULL::{name}, %s::json)"  # noqa: S608
            cursor.execute(f"{insert} {select}", [_objects(columns, rows)])
        else:
            cursor.executemany(f"{insert} VALUES ({places(len(columns))})", rows)


def update_rows(table: type[Model], columns: Sequence[str], rows: Rows) -> None:
    """Give the rows with these ids new values in these columns; each of `rows` ends with its id."""
    quoted = connection.ops.quote_name
    name = quoted(table._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            assigned = ", ".join(f"{quoted(column)} = new.{quoted(column)}" for column in columns)
            source = f"json_populate_recordset(NULL::{name}, %s::json) AS new"
            update = f"UPDATE {name} SET {assigned} FROM {source} WHERE {name}.id = new.id"  # noqa: S608
            cursor.execute(update, [_objects([*columns, "id"], rows)])
        else:
            assigned = ", ".join(f"{quoted(column)} = %s" for column in columns)
            cursor.executemany(f"UPDATE {name} SET {assigned} WHERE id = %s", rows)  # noqa: S608


def _objects(columns: Sequence[str], rows: Rows) -> str:
    return msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
