"""From rows of the tables to events: which columns make a message object, and how."""

from collections.abc import Sequence
from typing import Any

from chatcore.events import Author, Delete, Edit, Message
from chatcore.models import Change

#: The columns of which a message object is made, in the order in which `_fields` takes them.
COLUMNS = (
    "id", "seq", "rev", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "edited_at", "expires_at", "deleted_at", "key_scope", "key", "slot", "extra",
)  # fmt: skip


def described_change(name: str, change: Change, row: Sequence[Any] | None) -> Edit | Delete:
    """The event of a change; a message that was pruned since is a deleted one."""
    fields = _fields(name, row) if row is not None else _pruned(name, change)
    fields.update(rev=change.rev, change_id=str(change.pk))
    return Edit(**fields) if change.kind == Change.Kind.EDIT else Delete(**fields)


def described_message(name: str, row: Sequence[Any]) -> Message:
    return Message(**_fields(name, row))


def client_id(source: str, key_scope: str | None, key: str | None) -> str | None:
    """The key by which the author's own page knows its message; keys of others are nobody's business."""
    return key if source == "web" and key_scope is not None and key_scope.startswith("u:") else None


def _fields(name: str, row: Sequence[Any]) -> dict[str, Any]:
    """The keys of the message object from the columns of `COLUMNS`."""
    (pk, seq, rev, kind, text, username, author_type, author_id, author_name, source,
     created_at, edited_at, expires_at, deleted_at, key_scope, key, slot, extra) = row  # fmt: skip
    return {
        "room": name, "id": str(pk), "seq": seq, "rev": rev, "kind": kind, "message": text, "username": username,
        "author": Author(author_type, author_id, author_name), "client_id": client_id(source, key_scope, key),
        "slot": slot, "source": source, "created_at": created_at, "edited_at": edited_at,
        "expires_at": expires_at, "deleted": deleted_at is not None, **(extra or {}),
    }  # fmt: skip


def _pruned(name: str, change: Change) -> dict[str, Any]:
    """The keys of a message of which nothing is left but its number."""
    return {
        "room": name, "id": str(change.pk), "seq": change.seq, "kind": "message", "message": "", "username": "",
        "author": Author("system", "", ""), "source": "code", "created_at": change.at, "deleted": True,
    }  # fmt: skip
