"""The logs of a server's rooms, read page by page over HTTP. Blocks."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from chatcli.remote.connection import quoted
from chatcli.remote.errors import NoRoomline, Refused
from chatcli.remote.register import Listed, Register
from chatcli.tail.source import RoomLog
from chatcore.events import Gap, Message, decode_event, encode, is_message
from chatcore.exceptions import ChatError, RoomNotFound

T = TypeVar("T")

#: A page of the log has at most so many events.
LARGEST_PAGE = 500
#: How often a room's name is asked for that changes under our hands.
_TRIES = 4


class _Rooms(msgspec.Struct):
    rooms: list[Listed]


class _Messages(msgspec.Struct):
    messages: list[Message]


class _Page(msgspec.Struct):
    room: str
    epoch: str
    head: int
    floor: int
    gap: Gap | None
    events: list[msgspec.Raw]


class Page(msgspec.Struct, frozen=True):
    """Events in a row above `gap`, if there is one, and where the log ends."""

    head: int
    gap: Gap | None
    payloads: list[bytes]


class ServerLogs:
    """Reads of one server's logs; rooms go by the register's numbers."""

    def __init__(self, ask: Callable[[str], bytes]) -> None:
        """`ask` fetches what is at a path below the API's; a ChatError when it cannot."""
        self._ask = ask
        self.register = Register()

    def rooms(self) -> list[RoomLog]:
        """All that we may read, in the order of their names."""
        return self.register.update(_decoded(_Rooms, self._ask("rooms?archived=true")).rooms)

    def unknown_room(self, word: str) -> ChatError:
        """What the server says of this name."""
        try:
            self._ask(f"rooms/{quoted(word)}")
        except Refused as refused:
            return refused
        return RoomNotFound(word)  # it has come right now

    def messages_after(self, room: RoomLog, seq: int, limit: int) -> Sequence[Message]:
        """The first messages above this number."""
        return self._messages(room, f"after={seq}&limit={limit}")

    def messages_since(self, room: RoomLog, moment: datetime, limit: int) -> Sequence[Message]:
        """The first messages from this moment on."""
        when = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return self._messages(room, f"since={when}&limit={limit}")

    def event_id(self, room: RoomLog, rev: int) -> str | None:
        """The id of the event at this rev, None if it is not there."""
        page = self.page(room.id, rev - 1, room.epoch, None, 1)
        if page.gap is not None or not page.payloads:
            return None
        return decode_event(page.payloads[0]).event_id

    def floor(self, room: RoomLog) -> int | None:
        """The rev up to which the room's log is pruned by now, None if the room is no more."""
        self.rooms()
        found = self.register.find(room.id)
        return None if found is None else found.floor

    def page(self, number: int, after: int, epoch: str, event_id: str | None, limit: int) -> Page:
        """Events above `after`, which was the event of that id, if it is known, in that epoch. RoomNotFound when the
        room is no more. Under its name, which changes, another room is not taken for it."""
        where = f"after={after}&epoch={quoted(epoch)}&limit={min(limit, LARGEST_PAGE)}"
        where += f"&id={quoted(event_id)}" if event_id is not None else ""
        name = ""
        for _ in range(_TRIES):
            room = self.register.find(number)
            if room is None:
                break
            name = room.name
            try:
                page = _decoded(_Page, self._ask(f"rooms/{quoted(name)}/events?{where}"))
            except Refused as refused:
                if refused.status != 404:
                    raise
            else:
                if page.epoch == room.epoch:
                    self.register.rename(number, page.room)
                    return Page(page.head, page.gap, _in_a_row(page, after))
            self.rooms()
        raise RoomNotFound(name)

    def _messages(self, room: RoomLog, query: str) -> Sequence[Message]:
        found = _decoded(_Messages, self._ask(f"rooms/{quoted(room.name)}/messages?{query}"))
        return found.messages


def _in_a_row(page: _Page, after: int) -> list[bytes]:
    """The page's events, which must follow what is before them."""
    payloads = []
    for rev, raw in enumerate(page.events, (after if page.gap is None else page.gap.upto) + 1):
        number, payload = numbered(bytes(raw))
        if number != rev:
            raise NoRoomline(f"the server's answer is none of a chat: event {number} in the place of event {rev}")
        payloads.append(payload)
    return payloads


def numbered(payload: bytes) -> tuple[int, bytes]:
    """The event's rev, and the event as one line that begins with its type, as it was encoded, if it was encoded so.
    NoRoomline if it is none."""
    try:
        event = decode_event(payload)
    except ValueError as error:
        raise NoRoomline(f"the server's answer is none of a chat: {error}") from None
    if b"\n" in payload or b"\r" in payload or isinstance(event, Message) != is_message(payload):
        payload = encode(event)
    return event.rev, payload


def _decoded(kind: type[T], answer: bytes) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (ValueError, RecursionError) as error:
        raise NoRoomline(f"the server's answer is none of a chat: {error}") from None
