"""Rows become events, whether a model or a database's driver gives them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from chatcore.events import Author, Delete, Edit, Message
from chatcore.history.columns import COLUMNS, ChangeRow, client_id, described_change, described_message, event_id
from chatcore.models import Change

ID = UUID("01990000-0000-7000-8000-00000000002a")
CHANGE = UUID("01990000-0000-7000-8000-00000000002b")
WHEN = datetime(2026, 11, 22, 5, 15, 2, 481930, UTC)
EXTRA = {"title": "T", "tags": ["a"], "priority": 5, "url": "https://example.org/", "reply_to": 7}


def row(**values: Any) -> list[Any]:
    fields: dict[str, Any] = {
        "id": ID, "seq": 42, "rev": 57, "kind": "message", "text": "hello", "username": "Alice",
        "author_type": "user", "author_id": "7", "author_name": "alice", "source": "web", "created_at": WHEN,
    }  # fmt: skip
    return [{**fields, **values}.get(column) for column in COLUMNS]


def as_sqlite_has_it(values: list[Any]) -> list[Any]:
    """Ids as digits, moments without a zone, JSON as text."""

    def raw(value: Any) -> Any:
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
        return json.dumps(value) if isinstance(value, dict) else value

    return [raw(value) for value in values]


def test_a_row_is_a_message_with_all_its_keys() -> None:
    later = WHEN + timedelta(hours=1)
    values = row(extra=EXTRA, slot="s", edited_at=later, expires_at=later, key_scope="u:7", key="k")
    expected = Message(
        room="newbox", id=str(ID), seq=42, rev=57, kind="message", message="hello", username="Alice",
        author=Author("user", "7", "alice"), title="T", priority=5, tags=["a"], url="https://example.org/", reply_to=7,
        slot="s", client_id="k", source="web", created_at=WHEN, edited_at=later, expires_at=later,
    )  # fmt: skip
    assert described_message("newbox", values) == expected
    assert described_message("newbox", as_sqlite_has_it(values)) == expected


def test_what_a_row_has_not_is_as_it_is_for_most() -> None:
    for values in (row(), as_sqlite_has_it(row()), row(extra={}), row(extra="{}")):
        message = described_message("newbox", values)
        assert (message.title, message.priority, message.tags, message.format) == (None, 3, [], "text")
        assert (message.slot, message.client_id, message.edited_at, message.deleted) == (None, None, None, False)


def test_a_moment_keeps_the_zone_that_the_driver_gives() -> None:
    east = WHEN.astimezone(timezone(timedelta(hours=9)))
    assert described_message("newbox", row(created_at=east)).created_at == WHEN


@pytest.mark.parametrize("kind", [Change.Kind.EDIT, Change.Kind.DELETE, Change.Kind.EXPIRE])
def test_a_change_is_its_message_under_a_rev_and_an_id_of_its_own(kind: Change.Kind) -> None:
    values = row(text="new")
    model: Any = SimpleNamespace(id=CHANGE, rev=60, seq=42, kind=kind, at=WHEN)
    raw = ChangeRow(CHANGE.hex, 60, 42, str(kind), WHEN.replace(tzinfo=None))
    event = described_change("newbox", model, values)
    assert event == described_change("newbox", raw, as_sqlite_has_it(values))
    assert type(event) is (Edit if kind == Change.Kind.EDIT else Delete)
    assert (event.rev, event.seq, event.id, event.change_id, event.message) == (60, 42, str(ID), str(CHANGE), "new")


def test_of_a_message_that_was_pruned_its_number_is_left() -> None:
    event = described_change("newbox", ChangeRow(CHANGE.hex, 60, 42, "edit", WHEN), None)
    assert (event.seq, event.message, event.username, event.deleted) == (42, "", "", True)
    assert event.author == Author("system", "", "")


def test_an_id_is_written_as_programs_see_it() -> None:
    assert event_id(ID) == event_id(ID.hex) == event_id(str(ID)) == str(ID)


def test_only_pages_get_their_own_keys_back() -> None:
    assert client_id("web", "u:7", "k") == "k"
    assert client_id("web", None, None) is client_id("cli", "cli", "k") is client_id("web", "t:1", "k") is None
