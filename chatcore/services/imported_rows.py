"""Writes messages of an imported room as rows, within a transaction, with the numbers and times that they had."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chatcore import events
from chatcore.database import connection, places
from chatcore.exceptions import BadRequest
from chatcore.history.transfer import MessageLine
from chatcore.models import Message
from chatcore.services.posts import USUAL

_COLUMNS = (
    "id", "room_id", "seq", "rev", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "edited_at", "expires_at", "deleted_at", "slot", "extra",
)  # fmt: skip


def insert_messages(room_id: int, messages: Sequence[MessageLine], ids: Mapping[str, str], now: datetime) -> None:
    """All at once; `ids` are the accounts' by name. A message's rev is its number: nothing else is in the log.

    When a message was deleted is not known any more: `now` stands for it.
    """
    quoted = connection.ops.quote_name
    names = ", ".join(map(quoted, _COLUMNS))
    insert = f"INSERT INTO {quoted(Message._meta.db_table)} ({names}) VALUES ({places(len(_COLUMNS))})"  # noqa: S608
    dashed = connection.features.has_native_uuid_field
    with connection.cursor() as cursor:
        cursor.executemany(insert, [_row(room_id, message, ids, now, dashed) for message in messages])


def _row(room_id: int, line: MessageLine, ids: Mapping[str, str], now: datetime, dashed: bool) -> tuple[Any, ...]:
    """The message as the database's driver takes it."""
    new_id, extra = events.new_id(), {name: getattr(line, name) for name in USUAL if getattr(line, name) != USUAL[name]}
    return (
        new_id if dashed else new_id.replace("-", ""),
        room_id, line.seq, line.seq, line.kind, line.message, line.username,
        line.author.type, _author_id(line, ids), line.author.name, line.source,
        _stored(line.created_at), _stored(line.edited_at), _stored(line.expires_at),
        _stored(now if line.deleted else None), line.slot, json.dumps(extra) if extra else None,
    )  # fmt: skip


def _author_id(line: MessageLine, ids: Mapping[str, str]) -> str:
    if line.author.type != "user" or not line.author.name:
        return ""
    try:
        return ids[line.author.name]
    except KeyError:
        raise BadRequest(f"{line.author.name} was not there at first: the file was changed while it was read") from None


def _stored(moment: datetime | None) -> Any:
    return None if moment is None else connection.ops.adapt_datetimefield_value(moment.astimezone(UTC))
