"""Lines of `chat_send --jsonl`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatcli.sending.json_lines import IGNORED, WRITABLE, fields_of
from chatcore import events
from chatcore.exceptions import BadRequest

MESSAGE = events.Message(
    room="newbox", id="i", seq=7, rev=9, kind="notice", message="hello", username="Alice",
    author=events.Author("user", "7", "alice"), title="t", priority=4, tags=["a"], source="cli",
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)  # fmt: skip


def test_all_writable_keys_become_fields_of_a_post() -> None:
    line = {
        "message": "m", "title": "t", "priority": 5, "tags": ["a", "b"], "format": "code", "url": "https://x",
        "reply_to": 3, "kind": "banner", "slot": "s", "key": "k", "expires_at": "2030-01-01T00:00:00+02:00",
    }  # fmt: skip
    assert set(line) == set(WRITABLE)
    fields = fields_of(json.dumps(line))
    assert fields is not None
    assert (fields.pop("expires_at") - datetime(2029, 12, 31, 22, tzinfo=UTC)) == timedelta(0)
    assert fields == {
        "text": "m", "title": "t", "priority": 5, "tags": ("a", "b"), "format": "code", "url": "https://x",
        "reply_to": 3, "kind": "banner", "slot": "s", "key": "k", "lifetime": None,
    }  # fmt: skip


def test_a_message_as_chat_tail_prints_it_is_taken_without_what_the_server_gives() -> None:
    assert fields_of(events.encode(MESSAGE).decode()) == {
        "text": "hello", "kind": "notice", "title": "t", "priority": 4, "tags": ("a",), "format": "text",
    }  # fmt: skip
    assert set(events.to_dict(MESSAGE)) == (set(WRITABLE) - {"key"}) | IGNORED - {"html"}


@pytest.mark.parametrize(
    "line",
    [
        {**events.to_dict(MESSAGE), "message": "", "deleted": True},
        {"type": "gap", "room": "newbox", "reason": "pruned", "after": 1, "upto": 3, "epoch": "e"},
        {"type": "presence", "room": "newbox"},
        {"type": "typing", "room": "newbox", "username": "Alice"},
    ],
)
def test_what_chat_tail_prints_and_is_no_message_is_passed_over(line: dict[str, Any]) -> None:
    line = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in line.items()}
    assert fields_of(json.dumps(line)) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("hello", "not JSON"),
        ("null", "no JSON object"),
        ("3", "no JSON object"),
        ('["message"]', "no JSON object"),
        ('"text"', "no JSON object"),
        ("{}", 'no "message"'),
        ('{"message": null}', 'no "message"'),
        ('{"message": 3}', 'its "message" must be a text'),
        ('{"message": "a", "priority": "high"}', 'its "priority" must be a whole number'),
        ('{"message": "a", "priority": true}', 'its "priority" must be a whole number'),
        ('{"message": "a", "priority": 3.0}', 'its "priority" must be a whole number'),
        ('{"message": "a", "reply_to": 9223372036854775808}', 'its "reply_to" must be'),
        ('{"message": "a", "tags": "x"}', 'its "tags" must be a list of texts'),
        ('{"message": "a", "tags": [1]}', 'its "tags" must be a list of texts'),
        ('{"message": "a", "expires_at": "18:00"}', 'its "expires_at" must be a time'),
        ('{"message": "a", "expires_at": "9999-12-31T23:59:59-23:00"}', 'its "expires_at" must be a time'),
        ('{"message": "a", "expires_at": "2030-01-01T00:00:00"}', 'its "expires_at" must be a time'),
        ('{"message": "a", "mesage": "b"}', "unknown key 'mesage' (did you mean message?)"),
        ('{"message": "a", "message": "b"}', "the key 'message' twice"),
        ('{"message": "a", "author": {"id": "1", "id": "2"}}', "the key 'id' twice"),
        ('{"message": "a", "priority": NaN}', "NaN"),
        ('{"message": "a", "type": "edit"}', "of type 'edit'"),
        ('{"message": "a", "type": ["message"]}', "of type ['message']"),
        ('{"message": "a"} {"message": "b"}', "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"message": "a", "x\\u001b[31m": 1}', "unknown key 'x\\x1b[31m'"),
        ('{"message": "a", "priority": ' + "9" * 10_000 + "}", "not JSON"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(line: str, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        fields_of(line)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
