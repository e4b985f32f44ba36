"""From rows of the tables to events: which columns make a message object, and how.

Values are taken as models have them and as database drivers give them: a UUID or its 32 digits, a moment in UTC with
or without its zone, JSON decoded or as text. Converting by model fields would cost more than all the rest of a read.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from chatcore.events import Author, Delete, Edit, Message
from chatcore.models import Change

#: The columns of which a message object is made, in the order in which `_event` takes them.
COLUMNS = (
    "id", "seq", "rev", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "edited_at", "expires_at", "deleted_at", "key_scope", "key", "slot", "extra",
)  # fmt: skip

_Event = TypeVar("_Event", Message, Edit, Delete)

_json = msgspec.json.Decoder(dict[str, Any])
_NOTHING: dict[str, Any] = {}
#: Of a message that is no more: programs want an id and a moment.
_NO_ID, _LONG_AGO = UUID(int=0), datetime.fromtimestamp(0, UTC)


class ChangeRow(NamedTuple):
    """A change as the database's driver gives it."""

    id: UUID | str
    rev: int
    seq: int
    kind: str
    at: datetime


def described_message(name: str, row: Sequence[Any]) -> Message:
    """The message object of a row of `COLUMNS`, in the room of this name."""
    return _event(Message, name, row, row[2], _NOTHING)


def described_change(name: str, change: Change | ChangeRow, row: Sequence[Any] | None) -> Edit | Delete:
    """The event of a change; a message that was pruned since is a deleted one."""
    if row is None:
        row = _emptied(change.id, change.seq, change.rev, change.at)
    own = {"change_id": event_id(change.id)}
    if change.kind == Change.Kind.EDIT:
        return _event(Edit, name, row, change.rev, own)
    return _event(Delete, name, row, change.rev, own)


def event_id(value: UUID | str) -> str:
    """The id as programs see it."""
    if isinstance(value, UUID) or len(value) != 32:
        return str(value)
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def client_id(source: str, key_scope: str | None, key: str | None) -> str | None:
    """The key by which the author's own page knows its message; keys of others are nobody's business."""
    return key if source == "web" and key_scope is not None and key_scope.startswith("u:") else None


def title(extra: str | Mapping[str, Any]) -> str:
    """The title among a message's rare attributes, empty if it has none."""
    return str((_json.decode(extra) if isinstance(extra, str) else extra).get("title") or "")


def html(form: str, text: str) -> str | msgspec.UnsetType:
    """The message's `html`, if messages of this format have one."""
    if form != "markdown":
        return msgspec.UNSET
    from chatcore.markdown import html_of  # nobody pays for the parser who does not use it

    return html_of(text) or msgspec.UNSET


def _event(kind: type[_Event], name: str, row: Sequence[Any], rev: int, own: Mapping[str, Any]) -> _Event:
    """The event of this kind; `own` are the keys that messages have not."""
    (pk, seq, _, message_kind, text, username, author_type, author_id, author_name, source,
     created_at, edited_at, expires_at, deleted_at, key_scope, key, slot, extra) = row  # fmt: skip
    if isinstance(extra, str):
        extra = _json.decode(extra)
    rare = extra or _NOTHING
    return kind(
        room=name, id=event_id(pk), seq=seq, rev=rev, kind=message_kind, message=text, username=username,
        author=Author(author_type, author_id, author_name), slot=slot, source=source,
        client_id=None if key is None else client_id(source, key_scope, key),
        created_at=_aware(created_at),
        edited_at=None if edited_at is None else _aware(edited_at),
        expires_at=None if expires_at is None else _aware(expires_at),
        deleted=deleted_at is not None, html=html(rare.get("format", "text"), text), **rare, **own,
    )  # fmt: skip


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def remains(row: Sequence[Any] | None, seq: int) -> Sequence[Any]:
    """What is left of a message that was pruned: who wrote it, as long as there is a row, and its number."""
    if row is None:
        return _emptied(_NO_ID, seq, 0, _LONG_AGO)
    left = list(row)
    for name, value in (("text", ""), ("deleted_at", _LONG_AGO), ("slot", None), ("extra", None)):
        left[COLUMNS.index(name)] = value
    return left


def _emptied(pk: UUID | str, seq: int, rev: int, at: datetime) -> Sequence[Any]:
    """The row of a message of which nothing is left but its number."""
    return (
        pk, seq, rev, "message", "", "", "system", "", "", "code",
        at, None, None, at, None, None, None, None,
    )  # fmt: skip
