"""PostgreSQL's full-text index of the messages' words, made while the chat goes on. Elsewhere nothing.

Each message is indexed under its room's number and its words, folded as well as the database can. The words are cut by
the expression and not by PostgreSQL's parser, which takes paths, hosts and addresses for one word each. Texts are cut
at 100,000 characters: what an index takes of one row is limited, and a message must not fail for it.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEX = "chatcore_message_words"
FOLDED = (
    "regexp_replace(normalize(upper(left(coalesce(extra->>'title', '') || ' ' || text, 100000) "
    r"""COLLATE "und-x-icu"), NFKC), '[\W_]+', ' ', 'g')"""
)
#: Not `||` with the number itself: what depends on settings cannot be indexed.
WORDS = f"to_tsvector('simple', 'room' || room_id::text || ' ' || {FOLDED})"

#: New words wait on a list until it has so many kB, and are then sorted in by whoever writes: that keeps him for less
#: than a tenth of a second, where the usual 4 MB would take half of one.
PAUSE = "gin_pending_list_limit = 256"


def can_fold(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database stores Unicode and has ICU, which folds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding) = 'UTF8' AND to_regcollation('\"und-x-icu\"') IS NOT NULL "
            "FROM pg_database WHERE datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def make_index(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql" or not can_fold(connection):
        return
    concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
    schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {INDEX}")  # of an attempt that was interrupted
    schema_editor.execute(f"CREATE INDEX {concurrently} {INDEX} ON chatcore_message USING gin ({WORDS}) WITH ({PAUSE})")


def drop_index(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
        schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("chatcore", "0005_seq_floor"),
    ]

    operations = [
        migrations.RunPython(make_index, drop_index, elidable=False),
    ]
