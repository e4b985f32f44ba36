"""The wire: one Struct an event, its JSON, its JSON Schema. Pure: no Django, no I/O.

An event of the log is a `Message`, an `Edit` or a `Delete`; the rest exists only between a server and a socket.
"""

import math
import secrets
import time
from datetime import datetime
from typing import Annotated, Any

import msgspec

from chatcore.names import storable

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Author(msgspec.Struct, frozen=True):
    """Who wrote it: `name` is the account, `id` its primary key as text."""

    type: str
    id: str
    name: str


class _Described(msgspec.Struct, tag_field="type", kw_only=True):
    """The one shape of a message, in the order in which programs see its keys."""

    room: str
    id: str
    seq: int
    rev: int
    kind: str
    message: str
    username: str
    author: Author
    title: str | None = None
    priority: int = 3
    tags: list[str] = []
    format: str = "text"
    url: str | None = None
    reply_to: int | None = None
    mentions: list[str] = []
    slot: str | None = None
    client_id: str | None = None
    source: str
    created_at: _Moment
    edited_at: _Moment | None = None
    expires_at: _Moment | None = None
    deleted: bool = False
    #: A `markdown` message's text as sanitised HTML; other messages have no such key.
    html: str | msgspec.UnsetType = msgspec.UNSET


class Message(_Described, tag="message", kw_only=True):
    """A message was posted. Replayed, it carries its present text."""

    @property
    def event_id(self) -> str:
        """The id of the event at this rev: with the rev it makes a cursor."""
        return self.id


class Edit(_Described, tag="edit", kw_only=True):
    """A message was edited: the whole message as it is now, under the change's own rev."""

    change_id: str

    @property
    def event_id(self) -> str:
        """The id of the event at this rev: with the rev it makes a cursor."""
        return self.change_id


class Delete(_Described, tag="delete", kw_only=True):
    """A message was deleted or has expired: its number stays, its text is gone."""

    change_id: str

    @property
    def event_id(self) -> str:
        """The id of the event at this rev: with the rev it makes a cursor."""
        return self.change_id


Event = Message | Edit | Delete


class You(msgspec.Struct):
    """Who the server takes the client for."""

    type: str
    id: str
    name: str
    username: str


class Open(msgspec.Struct, tag_field="type", tag="open", kw_only=True):
    """The answer to `hello`: the room's state; `head` is where live events begin."""

    room: str
    head: int
    floor: int
    epoch: str
    you: You
    can_post: bool
    title: str
    topic: str
    members: int
    last_seq: int
    #: The number up to which messages were pruned.
    seq_floor: int
    announce_only: bool
    archived: bool
    #: How far this person has read; 0 for one who has not, or is not signed in.
    read_seq: int = 0
    #: Whether this person may delete what others wrote.
    may_moderate: bool = False
    #: The banner that stands in the room: what the client missed may have put it up or ended it.
    banner: Message | None = None


class RoomState(msgspec.Struct, tag_field="type", tag="room", kw_only=True):
    """The room was changed, or what this person may do in it. `room` is its name from now on."""

    room: str
    title: str
    topic: str
    private: bool
    announce_only: bool
    archived: bool
    can_post: bool
    may_moderate: bool


class Gap(msgspec.Struct, tag_field="type", tag="gap", kw_only=True):
    """Events from `after` + 1 on do not follow; `reason` is limit, pruned, ahead, history_changed or epoch.

    The stream goes on above `upto`.
    """

    room: str
    reason: str
    after: int
    upto: int
    epoch: str


class Sent(msgspec.Struct, tag_field="type", tag="sent", kw_only=True):
    """The message is on disk."""

    room: str
    client_id: str | None
    seq: int
    rev: int
    duplicate: bool


class History(msgspec.Struct, tag_field="type", tag="history", kw_only=True):
    """Messages by number, oldest first; `more` says whether there are further ones in that direction."""

    room: str
    messages: list[Message]
    more: bool


class Pong(msgspec.Struct, tag_field="type", tag="pong", kw_only=True):
    """The answer to `ping`."""

    room: str


class Typing(msgspec.Struct, tag_field="type", tag="typing", kw_only=True):
    """Somebody is writing; forgotten after five seconds."""

    room: str
    username: str
    author: Author


class Present(msgspec.Struct, frozen=True):
    """Somebody who is there: the account's primary key as text, the account, the name that people see."""

    id: str
    name: str
    username: str


class Presence(msgspec.Struct, tag_field="type", tag="presence", kw_only=True):
    """Who is in the room. `people` is everybody; None where only who came and who left is said.

    In a room with too many to name, `people` is None and nobody came or left: `count` is all there is.
    """

    room: str
    count: int
    people: list[Present] | None = None
    joined: list[Present] = []
    left: list[str] = []


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", kw_only=True):
    """What was wrong: `code` is stable, `detail` is English. `message` and `username` serve plain clients."""

    room: str
    code: str
    detail: str
    client_id: str | None
    message: str
    username: str = "Roomline"
    #: Seconds after which it may be tried again, where it was too much for now; other errors have no such key.
    retry_after: float | msgspec.UnsetType = msgspec.UNSET


def refusal(room: str, code: str, detail: str, client_id: str | None = None, wait: float | None = None) -> ErrorFrame:
    """An `error` frame; its `message` is what a plain client shows, `wait` is in seconds.

    What it names came from outside: JSON has no half surrogate pairs.
    """
    room, detail = storable(room), storable(detail)
    retry_after = msgspec.UNSET if wait is None else math.ceil(wait * 1000) / 1000
    return ErrorFrame(room=room, code=code, detail=detail, client_id=client_id, message=detail, retry_after=retry_after)


_encoder = msgspec.json.Encoder()
_decoder: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)

#: The wire's objects.
Sendable = Event | Open | RoomState | Gap | Sent | History | Pong | Presence | Typing | ErrorFrame

encode = _encoder.encode


def decode_event(payload: bytes) -> Event:
    """The event in `payload`; ValueError if it is none."""
    try:
        return _decoder.decode(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def is_message(payload: bytes) -> bool:
    """Whether this payload, encoded here, is a `Message` (the tag is its first key)."""
    return payload.startswith(b'{"type":"message"')


def to_dict(event: Sendable | You) -> dict[str, Any]:
    """The event as plain JSON types."""
    result: dict[str, Any] = msgspec.to_builtins(event)
    return result


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the message object."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Message)}


def new_id() -> str:
    """A UUID version 7: Unix milliseconds, then random bits (RFC 9562, section 5.7), so that ids sort by time."""
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    digits = f"{(milliseconds << 80) | (7 << 76) | ((noise >> 62) << 64) | (2 << 62) | (noise & (1 << 62) - 1):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
