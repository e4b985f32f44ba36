"""What a client may send, parsed strictly, and how a text travels in a WebSocket frame. Pure."""

import struct
from typing import Annotated, Any, TypeVar

import msgspec

from chatcore import strict_json

T = TypeVar("T")

_Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_Rev = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Frame(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    pass


class Hello(_Frame, tag="hello"):
    """Where the client stands: the rev of its last event, that event's id, the room's epoch."""

    after: _Rev | None = None
    id: str | None = None
    epoch: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500


class Send(_Frame, tag="send"):
    """A message to post; the same `client_id` of the same author is stored once."""

    message: str
    client_id: _Id | None = None
    reply_to: _Number | None = None


class EditMessage(_Frame, tag="edit"):
    """A new text for the client's own message."""

    seq: _Number
    message: str
    client_id: _Id | None = None


class DeleteMessage(_Frame, tag="delete"):
    """A message to delete."""

    seq: _Number
    client_id: _Id | None = None


class AskHistory(_Frame, tag="history"):
    """Messages before or after a number."""

    before: _Number | None = None
    after: _Rev | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class Ack(_Frame, tag="ack"):
    """The client's person has read up to this number."""

    seq: _Number


class TypingNotice(_Frame, tag="typing"):
    """The client's person is writing."""


class Ping(_Frame, tag="ping"):
    """Whether anybody is there: a browser cannot see WebSocket's own pings."""


class PlainSend(msgspec.Struct):
    """What the page of the Channels tutorial sends; other keys, such as a user name, are ignored."""

    message: str


class _Named(msgspec.Struct):
    client_id: str | None = None


FullFrame = Hello | Send | EditMessage | DeleteMessage | AskHistory | Ack | TypingNotice | Ping

_full: "msgspec.json.Decoder[FullFrame]" = msgspec.json.Decoder(FullFrame)
_plain = msgspec.json.Decoder(PlainSend)
_named = msgspec.json.Decoder(_Named)
_any = msgspec.json.Decoder(dict[str, Any])


class BadFrame(Exception):
    """A frame that is not of the protocol: `code` is bad_json, bad_type or bad_field."""

    def __init__(self, code: str, detail: str, client_id: str | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.client_id = code, detail, client_id


def parse_full(text: str) -> FullFrame:
    """A full client's frame; BadFrame says what is wrong with it."""
    return _decoded(_full, text)


def parse_plain(text: str) -> Send:
    """A plain client's frame as a `Send`; BadFrame says what is wrong with it."""
    return Send(message=_decoded(_plain, text).message)


def _decoded(decoder: "msgspec.json.Decoder[T]", text: str) -> T:
    try:
        frame = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        _check_json(text)
        raise _explained(error, text) from error
    if not _has_few_colons(text):
        _check_json(text)
    return frame


def _has_few_colons(text: str) -> bool:
    """Whether no key comes twice, told from each having a colon of its own: there are no more than different keys."""
    try:
        return len(_any.decode(text)) == text.count(":")
    except (ValueError, RecursionError):
        return False


def _check_json(text: str) -> None:
    try:
        strict_json.check(text)
    except strict_json.NotStrict as error:
        raise BadFrame("bad_json", error.detail or "this is not JSON: send one JSON object a frame") from error


def _explained(error: Exception, text: str) -> BadFrame:
    """Which of the three codes it is, with msgspec's own words, which name the field."""
    if not isinstance(error, msgspec.ValidationError):
        return BadFrame("bad_json", "this is not JSON: send one JSON object a frame")
    detail = str(error)
    if "`$.type`" in detail or "field `type`" in detail:
        return BadFrame("bad_type", f"{detail}: see the protocol for the types of frames", _client_id(text))
    if "`$" not in detail and detail.startswith("Expected `object`"):
        return BadFrame("bad_json", "send one JSON object a frame")
    return BadFrame("bad_field", detail, _client_id(text))


def _client_id(text: str) -> str | None:
    """The frame's `client_id`, if it has a sane one, so that the client knows what the error is about."""
    try:
        client_id = _named.decode(text).client_id
    except (ValueError, RecursionError):
        return None
    return client_id if client_id and len(client_id) <= 100 else None


def text_frame(payload: bytes) -> bytes:
    """`payload` as one unmasked, unfragmented text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + struct.pack("!H", size) + payload
    return b"\x81\x7f" + struct.pack("!Q", size) + payload
