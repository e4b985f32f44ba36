"""The wire's objects: their keys in their order, their JSON there and back, their schema, their ids."""

import json
import time
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import events
from chatcore.events import (
    Author,
    Delete,
    Edit,
    Gap,
    Message,
    decode_event,
    encode,
    is_message,
    json_schema,
    new_id,
    to_dict,
)

MOMENT = datetime(2026, 11, 22, 6, 15, 2, 481930, tzinfo=UTC)
#: The keys of the message object, in the order that users see.
KEYS = [
    *("type", "room", "id", "seq", "rev", "kind", "message", "username", "author", "title", "priority", "tags"),
    *("format", "url", "reply_to", "mentions", "slot", "client_id", "source", "created_at", "edited_at"),
    *("expires_at", "deleted"),
]
NUMBERS = st.integers(1, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
FIELDS = st.fixed_dictionaries(
    {
        "room": TEXTS, "id": TEXTS, "seq": NUMBERS, "rev": NUMBERS, "kind": TEXTS, "message": TEXTS, "username": TEXTS,
        "author": st.builds(Author, TEXTS, TEXTS, TEXTS), "source": TEXTS, "created_at": MOMENTS,
    },
    optional={
        "title": st.none() | TEXTS, "priority": st.integers(1, 5), "tags": st.lists(TEXTS), "format": TEXTS,
        "url": st.none() | TEXTS, "reply_to": st.none() | NUMBERS, "mentions": st.lists(TEXTS),
        "slot": st.none() | TEXTS, "client_id": st.none() | TEXTS, "edited_at": st.none() | MOMENTS,
        "expires_at": st.none() | MOMENTS, "deleted": st.booleans(), "html": TEXTS,
    },
)  # fmt: skip


def message(**fields: object) -> Message:
    given: dict[str, object] = {
        "room": "newbox", "id": "0199", "seq": 42, "rev": 57, "kind": "message", "message": "hello",
        "username": "Alice", "author": Author("user", "7", "alice"), "source": "web", "created_at": MOMENT,
    }  # fmt: skip
    return Message(**(given | fields))  # type: ignore[arg-type]  # checked by the tests


def test_a_message_is_the_documented_object() -> None:
    assert json.loads(encode(message())) == {
        "type": "message", "room": "newbox", "id": "0199", "seq": 42, "rev": 57,
        "kind": "message", "message": "hello", "username": "Alice",
        "author": {"type": "user", "id": "7", "name": "alice"},
        "title": None, "priority": 3, "tags": [], "format": "text", "url": None, "reply_to": None, "mentions": [],
        "slot": None, "client_id": None, "source": "web", "created_at": "2026-11-22T06:15:02.481930Z",
        "edited_at": None, "expires_at": None, "deleted": False,
    }  # fmt: skip


def test_its_keys_have_the_documented_order() -> None:
    assert list(json.loads(encode(message()))) == KEYS
    assert list(to_dict(message())) == KEYS


def test_only_a_message_that_has_html_has_the_key() -> None:
    assert list(to_dict(message(format="markdown", html="<p>hello</p>\n"))) == [*KEYS, "html"]
    assert decode_event(encode(message(html="<p>x</p>"))) == message(html="<p>x</p>")


@pytest.mark.parametrize("change", [Edit, Delete])
def test_a_change_is_the_whole_message_and_its_own_id(change: type[Edit | Delete]) -> None:
    fields = {name: getattr(message(), name) for name in KEYS[1:]}
    event = change(**fields, change_id="0200")
    assert list(json.loads(encode(event))) == [*KEYS, "change_id"]
    assert to_dict(event)["type"] == change.__name__.lower()
    assert event.event_id == "0200"
    assert message().event_id == "0199"


@given(FIELDS)
def test_what_was_encoded_decodes_to_the_same(fields: dict[str, object]) -> None:
    for event in (Message(**fields), Edit(**fields, change_id="c"), Delete(**fields, change_id="c")):  # type: ignore[arg-type]
        payload = encode(event)
        assert decode_event(payload) == event
        assert payload == json.dumps(json.loads(payload), ensure_ascii=False, separators=(",", ":")).encode()
        assert is_message(payload) == isinstance(event, Message)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"[]", b'"x"', b"{}", b'{"type":"message"}', b'{"type":"typing","room":"newbox"}', b"\xff",
        encode(message())[:-1], encode(message()).replace(b'"seq":42', b'"seq":"42"'), b"[" * 100_000,
        encode(message()).replace(b'"2026', b'"x'), b'{"type":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_event_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        decode_event(payload)


def test_an_event_of_a_later_version_with_more_keys_is_understood() -> None:
    payload = encode(message())[:-1] + b',"reactions":{"+1":2}}'
    assert decode_event(payload) == message()


def test_times_are_utc_whatever_their_zone_was() -> None:
    assert b'"created_at":"2026-11-22T06:15:02.481930Z"' in encode(message(created_at=MOMENT))


def test_the_other_objects_name_their_type_first() -> None:
    gap = Gap(room="newbox", reason="pruned", after=3, upto=7, epoch="e")
    assert encode(gap) == b'{"type":"gap","room":"newbox","reason":"pruned","after":3,"upto":7,"epoch":"e"}'
    for name in ("Open", "Gap", "Sent", "History", "Typing", "ErrorFrame"):
        assert "room" in getattr(events, name).__struct_fields__


def test_the_schema_has_every_key_with_its_type() -> None:
    schema = json_schema()
    described = schema["$defs"]["Message"]
    assert schema["$ref"] == "#/$defs/Message"
    assert list(described["properties"]) == [*KEYS, "html"]
    assert described["properties"]["type"] == {"enum": ["message"]}
    assert described["properties"]["seq"] == {"type": "integer"}
    assert described["properties"]["created_at"] == {"type": "string", "format": "date-time"}
    assert {"seq", "rev", "message", "username", "author"} <= set(described["required"])
    assert json.dumps(schema)


def test_ids_are_uuids_of_version_7_with_the_present_time() -> None:
    before = time.time_ns() // 1_000_000
    identity = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
    assert before <= identity.int >> 80 <= after
    assert str(identity) == str(identity).lower()


def test_ids_differ_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert len(set(ids)) == len(ids)
    milliseconds = [identity[:13] for identity in ids]
    assert milliseconds == sorted(milliseconds)
