"""A room and its messages as lines of JSON that mean the same in another database: their form, and nothing else."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from chatcore.exceptions import BadRequest

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Length = Annotated[int, msgspec.Meta(ge=1, le=60_000)]
#: Seconds, as many as a room can have.
_Duration = Annotated[int, msgspec.Meta(ge=1, le=36_500 * 86_400)]
_Name = Annotated[str, msgspec.Meta(max_length=150)]


class MemberPart(msgspec.Struct, forbid_unknown_fields=True):
    """A member, by the name of the account."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
    role: Literal["member", "moderator", "owner"]


class RoomLine(msgspec.Struct, tag_field="type", tag="room", kw_only=True, forbid_unknown_fields=True):
    """The first line: the room itself. Its messages `first_seq` to `last_seq` follow, one a line, none is missing.

    Without messages `first_seq` is `last_seq` + 1. `retention` is in seconds.
    """

    name: str
    title: str = ""
    topic: str = ""
    private: bool = False
    announce_only: bool = False
    max_length: _Length | None = None
    retention: _Duration | None = None
    archived: bool = False
    first_seq: _Number = 1
    last_seq: _Count
    members: list[MemberPart] = []


class AuthorPart(msgspec.Struct, forbid_unknown_fields=True):
    """Who wrote it; of a person, `name` is the account, and empty if that was erased."""

    type: Literal["user", "bot", "system", "guest", "token"]
    name: _Name


class MessageLine(msgspec.Struct, tag_field="type", tag="message", kw_only=True, forbid_unknown_fields=True):
    """A message object without what only one database knows: ids, revs, and keys of clients."""

    room: str
    seq: _Number
    kind: Literal["message", "announcement", "notice", "banner"] = "message"
    message: str
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
    author: AuthorPart
    title: str | None = None
    priority: int = 3
    tags: list[str] = []
    format: str = "text"
    url: str | None = None
    reply_to: _Number | None = None
    mentions: Annotated[list[_Name], msgspec.Meta(max_length=20)] = []
    slot: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    source: Literal["cli", "web", "http", "code"] = "code"
    created_at: _Moment
    edited_at: _Moment | None = None
    expires_at: _Moment | None = None
    deleted: bool = False


_decoder: "msgspec.json.Decoder[RoomLine | MessageLine]" = msgspec.json.Decoder(RoomLine | MessageLine)

encode = msgspec.json.Encoder().encode


def read_line(payload: bytes) -> RoomLine | MessageLine:
    """What the line says; BadRequest with what is wrong with its form."""
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise BadRequest(f"it is no line of an exported room: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"it is not JSON ({error})") from None
    except RecursionError:
        raise BadRequest("it is nested too deeply") from None
