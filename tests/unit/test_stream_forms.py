"""How events stand in a stream: server-sent events and lines of JSON, in chunks or bare, and which of them."""

import json
from typing import get_args

import pytest

from chatcore.api.stream_forms import EVENTS, LINES, Choice, Media, StreamForm, stream_form

MESSAGE = b'{"type":"message","room":"newbox","rev":7,"message":"a\\nb"}'
EDIT = b'{"type":"edit","room":"newbox","rev":8}'
DELETE = b'{"type":"delete","room":"newbox","rev":9}'
GAP = b'{"type":"gap","room":"newbox","reason":"pruned","after":3,"upto":6,"epoch":"e"}'
ERROR = b'{"type":"error","room":"newbox","code":"forbidden"}'
TYPING = b'{"type":"typing","room":"newbox"}'
OPEN = b'{"type":"open","room":"newbox","head":9,"floor":0}'
ALL = [OPEN, GAP, MESSAGE, EDIT, DELETE, TYPING, ERROR]


def form(media: Media = EVENTS, choice: Choice = "all", *, chunked: bool = False) -> StreamForm:
    return stream_form(media, choice, chunked=chunked)


def dechunked(data: bytes) -> list[bytes]:
    found = []
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        found.append(rest[:length])
        data = rest[length + 2 :]
    return found


def test_an_event_of_the_log_has_its_rev_its_type_and_itself() -> None:
    assert form()([MESSAGE]) == b"id: 7\nevent: message\ndata: " + MESSAGE + b"\n\n"


def test_a_gap_moves_the_reader_to_where_the_stream_goes_on() -> None:
    assert form()([GAP]).startswith(b"id: 6\nevent: gap\n")


@pytest.mark.parametrize("payload", [TYPING, OPEN, ERROR])
def test_what_is_not_of_the_log_moves_nobody(payload: bytes) -> None:
    assert b"id:" not in form()([payload])


def test_lines_are_the_objects_themselves() -> None:
    assert form(LINES)(ALL) == b"".join(payload + b"\n" for payload in ALL)


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        ("messages", ["gap", "message", "error"]),
        ("changes", ["gap", "message", "edit", "delete", "error"]),
        ("all", ["open", "gap", "message", "edit", "delete", "typing", "error"]),
    ],
)
def test_a_stream_has_what_was_asked_for(choice: Choice, kinds: list[str]) -> None:
    lines = form(LINES, choice)(ALL).splitlines()
    assert [json.loads(line)["type"] for line in lines] == kinds


def test_events_of_which_none_is_wanted_are_no_bytes_at_all() -> None:
    assert form(choice="messages", chunked=True)([EDIT, DELETE]) == b""


def test_several_events_are_one_chunk() -> None:
    assert dechunked(form(LINES, chunked=True)([MESSAGE, EDIT])) == [MESSAGE + b"\n" + EDIT + b"\n"]


def test_a_sign_of_life_is_no_event() -> None:
    assert form().heartbeat == b":\n\n"
    assert form(LINES).heartbeat == b"\n"
    assert dechunked(form(LINES, chunked=True).heartbeat) == [b"\n"]


def test_a_position_is_told_to_those_who_keep_one() -> None:
    assert form().position(41) == b"id: 41\n\n"
    assert form(LINES).position(41) == b""


def test_all_streams_of_one_kind_share_their_form() -> None:
    assert form(LINES, "changes", chunked=True) is form(LINES, "changes", chunked=True)
    forms = {id(form(m, c, chunked=k)) for m in get_args(Media) for c in get_args(Choice) for k in (True, False)}
    assert len(forms) == 12
