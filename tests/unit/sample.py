"""Events as tests need them: one message of Alice's, and what becomes of it."""

from datetime import UTC, datetime
from typing import Any

from chatcore.events import Author, Delete, Edit, Message

WHEN = datetime(2026, 11, 22, 5, 15, 2, 481930, UTC)
#: When it was changed, a UUID version 7 says: an hour later.
CHANGE_ID = f"{int(WHEN.timestamp() * 1000) + 3_600_000:012x}"
CHANGE_ID = f"{CHANGE_ID[:8]}-{CHANGE_ID[8:]}-7abc-8def-0123456789ab"


def message(**values: Any) -> Message:
    return Message(**_fields(values))


def edit(**values: Any) -> Edit:
    return Edit(change_id=values.pop("change_id", CHANGE_ID), **_fields({"rev": 58, **values}))


def delete(**values: Any) -> Delete:
    return Delete(change_id=values.pop("change_id", CHANGE_ID), **_fields({"rev": 59, "deleted": True, **values}))


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "room": "newbox", "id": "0199", "seq": 42, "rev": 57, "kind": "message", "message": "hello",
        "username": "alice", "author": Author("user", "7", "alice"), "source": "web", "created_at": WHEN, **values,
    }  # fmt: skip
