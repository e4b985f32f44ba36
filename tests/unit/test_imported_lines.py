"""Lines of an exported room: what is taken, and how each wrong one is told."""

import json
from typing import Any

import pytest

from chatcore.exceptions import ChatError
from chatcore.history.transfer import encode, read_line
from chatcore.services.imported_lines import ImportedLines

ROOM: dict[str, Any] = {"type": "room", "name": "newbox", "last_seq": 2}
FIRST: dict[str, Any] = {
    "type": "message", "room": "newbox", "seq": 1, "message": "hello", "username": "Alice",
    "author": {"type": "user", "name": "alice"}, "created_at": "2026-11-22T06:15:02.481930Z",
}  # fmt: skip
SECOND = {**FIRST, "seq": 2}


def line(given: dict[str, Any], **changed: Any) -> bytes:
    return json.dumps({**given, **changed}).encode()


def taken(*lines: bytes) -> ImportedLines:
    """All of them, to the end."""
    found = ImportedLines()
    for given in lines:
        found.take(given)
    found.end()
    return found


def reason(*lines: bytes) -> str:
    """Why the last of these lines is refused."""
    found = ImportedLines()
    for given in lines[:-1]:
        found.take(given)
    with pytest.raises(ChatError) as caught:
        found.take(lines[-1])
    return str(caught.value)


def test_a_room_and_its_messages_are_taken_with_everybody_who_is_in_them() -> None:
    members = [{"name": "carol", "role": "owner"}, {"name": "alice", "role": "member"}]
    found = taken(line(ROOM, members=members), line(FIRST), line(SECOND, author={"type": "user", "name": "bob"}))
    assert list(found.accounts) == ["carol", "alice", "bob"]


def test_names_of_bots_and_of_erased_people_are_nobodys_account() -> None:
    found = taken(
        line(ROOM),
        line(FIRST, author={"type": "bot", "name": "cron"}),
        line(SECOND, author={"type": "user", "name": ""}, deleted=True, message=""),
    )
    assert list(found.accounts) == []


def test_a_line_says_the_same_after_it_was_read_and_written() -> None:
    for given in (line(ROOM, members=[{"name": "carol", "role": "owner"}]), line(FIRST, title="T", tags=["a"])):
        written = encode(read_line(given))
        assert encode(read_line(written)) == written


def test_a_room_without_messages_begins_after_its_last_one() -> None:
    taken(line(ROOM, first_seq=3))
    taken(line(ROOM, last_seq=0))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": "no room"}, "letters, digits"),
        ({"name": "newbox\0"}, "letters, digits"),
        ({"name": 7}, "Expected `str`"),
        ({"last_seq": -1}, ">= 0"),
        ({"last_seq": None}, "Expected `int`"),
        ({"last_seq": 10**30}, "<="),
        ({"first_seq": 4}, "first_seq"),
        ({"first_seq": 0}, ">= 1"),
        ({"title": "a\nb"}, "line break"),
        ({"topic": "x" * 1001}, "1001 characters"),
        ({"max_length": 60_001}, "60000"),
        ({"retention": 0}, ">= 1"),
        ({"retention": 10**18}, "<="),
        ({"private": "yes"}, "Expected `bool`"),
        ({"members": [{"name": "a", "role": "king"}]}, "king"),
        ({"members": [{"name": "a", "role": "owner"}, {"name": "a", "role": "member"}]}, "twice"),
        ({"members": [{"name": "a\0", "role": "owner"}]}, "NUL"),
        ({"id": "7"}, "unknown field `id`"),
        ({"type": "message"}, "unknown field `name`"),
        ({"type": "gap"}, "Invalid value"),
    ],
)
def test_a_wrong_room_line_is_told(changed: dict[str, Any], why: str) -> None:
    assert why in reason(line(ROOM, **changed))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"seq": 2}, "it is message #2, and #1 is due"),
        ({"seq": 0}, ">= 1"),
        ({"seq": "1"}, "Expected `int`"),
        ({"seq": 1.5}, "Expected `int`"),
        ({"seq": True}, "Expected `int`"),
        ({"room": "ops"}, "it is of room ops, and not of newbox"),
        ({"message": ""}, "empty"),
        ({"message": "a\0b"}, "NUL"),
        ({"message": "x" * 1_000_001}, "1000001 characters"),
        ({"message": None}, "Expected `str`"),
        ({"deleted": True}, "deleted and has a text"),
        ({"username": ""}, "length >= 1"),
        ({"username": " "}, "empty"),
        ({"username": "x" * 151}, "length <= 150"),
        ({"author": {"type": "user"}}, "missing required field `name`"),
        ({"author": {"type": "god", "name": "a"}}, "god"),
        ({"author": {"type": "user", "name": "a\0"}}, "NUL"),
        ({"author": {"type": "user", "name": "alice", "id": "7"}}, "unknown field `id`"),
        ({"kind": "shout"}, "shout"),
        ({"source": "moon"}, "moon"),
        ({"format": "html"}, "no format html"),
        ({"priority": 6}, "no priority 6"),
        ({"priority": 10**18}, "no priority"),
        ({"url": "javascript:alert(1)"}, "leads nowhere safe"),
        ({"title": "x" * 201}, "201 characters"),
        ({"tags": ["x"] * 21}, "21 tags"),
        ({"tags": "x"}, "Expected `array`"),
        ({"mentions": ["a"] * 21}, "length <= 20"),
        ({"mentions": ["\0"]}, "NUL"),
        ({"slot": "x" * 101}, "length <= 100"),
        ({"slot": "\0"}, "NUL"),
        ({"reply_to": 3}, "answers message #3"),
        ({"reply_to": 0}, ">= 1"),
        ({"created_at": "2026-11-22T06:15:02"}, "timezone"),
        ({"created_at": "yesterday"}, "RFC3339"),
        ({"created_at": 1_700_000_000}, "Expected `datetime`"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "end of the calendar"),
        ({"created_at": "0001-01-01T00:00:00Z"}, "end of the calendar"),  # in New York it was never
        ({"edited_at": "9999-12-31T23:59:59-01:00"}, "end of the calendar"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "end of the calendar"),
        ({"expires_at": ""}, "RFC3339"),
        ({"client_id": "x"}, "unknown field `client_id`"),
        ({"rev": 1}, "unknown field `rev`"),
    ],
)
def test_a_wrong_message_is_told(changed: dict[str, Any], why: str) -> None:
    assert why in reason(line(ROOM), line(FIRST, **changed))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"[]", b"null", b"7", b"\xff", b"\0", b"{}", b'{"type":null}', b'{"type":"room"}', b"[" * 100_000,
        b'{"type":"room","name":' + b"[" * 100_000,
        b'{"type":"room","name":"a","last_seq":0} {}',
        b'{"type":"room","name":"\\ud800","last_seq":0}',
        b'{"type":"room","name":"\xed\xa0\x80","last_seq":0}',
    ],
)  # fmt: skip
def test_what_is_no_line_of_a_room_is_told_in_one_line(payload: bytes) -> None:
    assert "\n" not in reason(payload)


def test_the_room_comes_first_and_once() -> None:
    assert "the first line must be the room" in reason(line(FIRST))
    assert "a file holds one room" in reason(line(ROOM), line(FIRST), line(ROOM))


def test_numbers_follow_each_other_from_the_first_to_the_last() -> None:
    assert "#2 is due" in reason(line(ROOM), line(FIRST), line(FIRST))
    assert "#5 is due" in reason(line(ROOM, first_seq=5, last_seq=6), line(FIRST))
    assert "#2 was the last one" in reason(line(ROOM), line(FIRST), line(SECOND), line(FIRST, seq=3))


def test_a_file_that_was_cut_off_is_told() -> None:
    with pytest.raises(ChatError, match="ends before message #2"):
        taken(line(ROOM), line(FIRST))
    with pytest.raises(ChatError, match="empty"):
        taken()
