"""What clients send: strictly parsed, with an error that says what is wrong; and how texts travel."""

import json
from collections.abc import Callable, Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from chatcore.frames import (
    Ack,
    AskHistory,
    BadFrame,
    DeleteMessage,
    EditMessage,
    FullFrame,
    Hello,
    Send,
    TypingNotice,
    parse_full,
    parse_plain,
    text_frame,
)

LARGEST = 2**63 - 1
PARSERS = pytest.mark.parametrize("parse", [parse_full, parse_plain])


def refused(parse: Callable[[str], object], text: str) -> BadFrame:
    with pytest.raises(BadFrame) as error:
        parse(text)
    assert error.value.detail
    assert "\n" not in error.value.detail
    return error.value


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"hello"}', Hello()),
        (
            '{"type":"hello","after":41,"id":"0199","epoch":"e","limit":5000}',
            Hello(after=41, id="0199", epoch="e", limit=5000),
        ),
        ('{"type":"hello","after":0}', Hello(after=0)),
        (f'{{"type":"hello","after":{LARGEST}}}', Hello(after=LARGEST)),
        ('{"type":"send","message":"hi"}', Send(message="hi")),
        ('{"message":"","type":"send","client_id":"c"}', Send(message="", client_id="c")),
        ('{"type":"send","message":"hi","client_id":null,"reply_to":7}', Send(message="hi", reply_to=7)),
        ('{"type":"edit","seq":5,"message":"x"}', EditMessage(seq=5, message="x")),
        ('{"type":"delete","seq":5,"client_id":"c"}', DeleteMessage(seq=5, client_id="c")),
        ('{"type":"history","before":100,"limit":50}', AskHistory(before=100)),
        ('{"type":"history","after":0}', AskHistory(after=0)),
        (f'{{"type":"ack","seq":{LARGEST}}}', Ack(seq=LARGEST)),
        (' {"type" : "typing"}\n', TypingNotice()),
        ('{"type":"send","message":"{\\"message\\":1,\\"message\\":2}"}', Send(message='{"message":1,"message":2}')),
        ('{"type":"send","message":"message","client_id":"type"}', Send(message="message", client_id="type")),
    ],
)
def test_a_frame_of_the_protocol_is_what_it_says(text: str, frame: FullFrame) -> None:
    assert parse_full(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"hi"}',
        '{"message":"hi","username":"root"}',
        '{"message":"hi","type":"room.events","seq":-1,"author":{"id":["1"]},"client_id":5}',
    ],
)
def test_a_plain_frame_is_its_message_and_nothing_else(text: str) -> None:
    assert parse_plain(text) == Send(message="hi")


@PARSERS
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "hello", "{", "}", "{]", '{"message":}', "{'message':'hi'}", '{"message":"hi"', "null", "5", "true"),
        *("[]", '["message"]', '"message"', "NaN", '{"type":"send","message":NaN}', '{"type":"ack","seq":Infinity}'),
        *("[" * 100_000, '{"a":' * 100_000, '{"message":"\x01"}', '{"message":"hi"}'.encode("utf-16-le").decode()),
        *('{"type":"send","message":"\\ud800"}', '{"type":"send","message":"\ud800"}', '\ufeff{"message":"hi"}'),
    ],
    ids=lambda text: ascii(text[:40]) if isinstance(text, str) else None,
)
def test_what_is_no_json_object_is_bad_json(parse: Callable[[str], object], text: str) -> None:
    error = refused(parse, text)
    assert error.code == "bad_json"
    assert "one JSON object a frame" in error.detail


@PARSERS
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"type":"send","message":"a","message":"b"}', "message"),
        ('{"type":"send","message":"a","mess\\u0061ge":"b"}', "message"),
        ('{"type":"send","type":"typing","message":"a"}', "type"),
        ('{"type":"send","message":"a","client_id":"c","client_id":"d"}', "client_id"),
    ],
)
def test_a_key_that_comes_twice_is_bad_json(parse: Callable[[str], object], text: str, key: str) -> None:
    error = refused(parse, text)
    assert error.code == "bad_json"
    assert f"{key!r} comes twice" in error.detail


@pytest.mark.parametrize(
    "text",
    [
        *("{}", '{"message":"hi"}', '{"type":null}', '{"type":5,"message":"hi"}', '{"type":["send"]}', '{"type":""}'),
        *('{"type":"room.events"}', '{"type":"roomline.ring"}', '{"type":"websocket.close"}', '{"type":"message"}'),
        *('{"type":"Send","message":"hi"}', '{"type":"open"}'),
    ],
)
def test_a_type_that_is_not_the_protocol_s_is_bad_type(text: str) -> None:
    error = refused(parse_full, text)
    assert error.code == "bad_type"
    assert "type" in error.detail


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"type":"send"}', "message"),
        ('{"type":"send","message":null}', "$.message"),
        ('{"type":"send","message":5}', "$.message"),
        ('{"type":"send","message":["hi"]}', "$.message"),
        ('{"type":"send","message":"hi","username":"root"}', "username"),
        ('{"type":"send","message":"hi","seq":1}', "seq"),
        ('{"type":"send","message":"hi","created_at":"2026-11-22T06:15:02Z"}', "created_at"),
        ('{"type":"send","message":"hi","client_id":5}', "$.client_id"),
        ('{"type":"send","message":"hi","client_id":""}', "$.client_id"),
        ('{"type":"send","message":"hi","client_id":"%s"}' % ("c" * 10_240), "$.client_id"),
        ('{"type":"send","message":"hi","reply_to":0}', "$.reply_to"),
        ('{"type":"edit","message":"x"}', "seq"),
        ('{"type":"edit","seq":-1,"message":"x"}', "$.seq"),
        ('{"type":"edit","seq":0,"message":"x"}', "$.seq"),
        ('{"type":"edit","seq":9223372036854775808,"message":"x"}', "$.seq"),
        ('{"type":"edit","seq":"5","message":"x"}', "$.seq"),
        ('{"type":"edit","seq":true,"message":"x"}', "$.seq"),
        ('{"type":"edit","seq":5.5,"message":"x"}', "$.seq"),
        ('{"type":"edit","seq":1e400,"message":"x"}', "$.seq"),
        ('{"type":"delete","seq":null}', "$.seq"),
        ('{"type":"ack","seq":0}', "$.seq"),
        ('{"type":"history","limit":501}', "$.limit"),
        ('{"type":"history","limit":0}', "$.limit"),
        ('{"type":"history","before":"100"}', "$.before"),
        ('{"type":"hello","after":-1}', "$.after"),
        ('{"type":"hello","after":9223372036854775808}', "$.after"),
        ('{"type":"hello","after":"41"}', "$.after"),
        ('{"type":"hello","limit":5001}', "$.limit"),
        ('{"type":"hello","id":7}', "$.id"),
        ('{"type":"typing","seq":1}', "seq"),
    ],
)
def test_a_missing_wrong_or_extra_field_is_bad_field_and_named(text: str, named: str) -> None:
    error = refused(parse_full, text)
    assert error.code == "bad_field"
    assert named in error.detail


@pytest.mark.parametrize("text", ["{}", '{"username":"x"}', '{"message":5}', '{"message":null}', '{"Message":"hi"}'])
def test_a_plain_frame_without_a_message_is_bad_field(text: str) -> None:
    error = refused(parse_plain, text)
    assert error.code == "bad_field"
    assert "message" in error.detail


@pytest.mark.parametrize(
    ("text", "client_id"),
    [
        ('{"type":"send","message":5,"client_id":"c-1"}', "c-1"),
        ('{"type":"nonsense","client_id":"c-1"}', "c-1"),
        ('{"type":"send","message":"hi","extra":{"client_id":"d"},"client_id":"c-1"}', "c-1"),
        ('{"type":"edit","seq":-1,"message":"x","client_id":"%s"}' % ("c" * 100), "c" * 100),
        ('{"type":"send","message":"hi","client_id":"%s"}' % ("c" * 10_240), None),
        ('{"type":"send","message":5,"client_id":5}', None),
        ('{"type":"send","message":5,"client_id":""}', None),
        ('{"type":"send","message":5}', None),
        ('{"type":"send","client_id":"c-1"', None),
    ],
)
def test_an_error_says_which_frame_it_is_about_if_that_can_be_read(text: str, client_id: str | None) -> None:
    assert refused(parse_full, text).client_id == client_id


def outcome(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except BadFrame as bad:
        return bad.code
    return "frame"


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_ends_in_anything_but_a_frame_or_a_bad_frame(text: str) -> None:
    for parse in (parse_full, parse_plain):
        assert outcome(parse, text) in ("frame", "bad_json", "bad_type", "bad_field")


def parsed(data: bytes) -> tuple[Frame, int]:
    """The first frame of `data` as the websockets library reads it, and how many bytes are left."""
    reader = StreamReader()
    reader.feed_data(data)
    reading: Generator[None, None, Frame] = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(reading)
    frame: Frame = done.value.value
    return frame, len(reader.buffer)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_text_frame_is_read_back_by_another_implementation(size: int) -> None:
    payload = b"x" * size
    frame, left = parsed(text_frame(payload) + b"next")
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, payload)
    assert (frame.rsv1, frame.rsv2, frame.rsv3) == (False, False, False)
    assert left == len(b"next")


@pytest.mark.parametrize(("size", "overhead"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_text_frame_takes_the_shortest_header(size: int, overhead: int) -> None:
    assert len(text_frame(b"x" * size)) == size + overhead
