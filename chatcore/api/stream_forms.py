"""How events stand in a stream: as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)
or as lines of JSON, in chunks (RFC 9112, section 7.1) or bare. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

EVENTS: Final = "text/event-stream"
LINES: Final = "application/x-ndjson"
Media = Literal["text/event-stream", "application/x-ndjson"]
Choice = Literal["messages", "changes", "all"]

#: What breaks the row, or ends it: it is in every stream.
_ALWAYS = frozenset({"message", "gap", "error"})
_CHANGES = _ALWAYS | {"edit", "delete"}


class _Head(msgspec.Struct):
    """What of an event decides how it stands there."""

    type: str
    rev: int | None = None
    upto: int | None = None


_heads = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True, eq=False)
class StreamForm:
    """One way to write events; all streams that have the same one share what it makes."""

    media: Media
    choice: Choice
    chunked: bool

    def __call__(self, payloads: Sequence[bytes]) -> bytes:
        """These events, or nothing if none of them is for such streams."""
        return self.piece(b"".join([self._one(payload, _heads.decode(payload)) for payload in payloads]))

    def position(self, rev: int) -> bytes:
        """That the stream stands there, though no event says so: a browser comes back with that number."""
        return self.piece(b"id: %d\n\n" % rev) if self.media == EVENTS else b""

    @property
    def heartbeat(self) -> bytes:
        """Nothing, said so that nobody on the way takes the connection for a dead one."""
        return self.piece(b":\n\n" if self.media == EVENTS else b"\n")

    def piece(self, data: bytes) -> bytes:
        """The bytes as they go out."""
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked and data else data

    def _one(self, payload: bytes, head: _Head) -> bytes:
        if not self._wants(head.type):
            return b""
        if self.media == LINES:
            return payload + b"\n"
        rev = head.rev if head.rev is not None else head.upto
        number = b"" if rev is None else b"id: %d\n" % rev
        return b"%bevent: %b\ndata: %b\n\n" % (number, head.type.encode(), payload)

    def _wants(self, kind: str) -> bool:
        return self.choice == "all" or kind in (_ALWAYS if self.choice == "messages" else _CHANGES)


_FORMS: dict[tuple[Media, Choice, bool], StreamForm] = {}


def stream_form(media: Media, choice: Choice, *, chunked: bool) -> StreamForm:
    """The form that all streams of this kind share."""
    return _FORMS.setdefault((media, choice, chunked), StreamForm(media, choice, chunked))
