"""What the lines of an exported room must be to be imported: each by itself, and all of them together."""

from datetime import UTC, datetime

from chatcore.exceptions import BadRequest
from chatcore.history.transfer import MessageLine, RoomLine, read_line
from chatcore.names import check_room_name
from chatcore.services.posts import check_attributes, check_text
from chatcore.services.rooms import check_fields

#: No text of a message was ever longer, whatever the limits were.
_LONGEST_TEXT = 1_000_000
#: Times that there are in all time zones.
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


class ImportedLines:
    """Takes the lines of one room in their order. `accounts` are the names of everybody who is in them."""

    def __init__(self) -> None:
        self.room: RoomLine | None = None
        self.accounts: dict[str, None] = {}
        self._next = 1

    def take(self, payload: bytes) -> MessageLine | None:
        """The message that the line is; None for the room's own line. BadRequest, or what else is wrong with it."""
        line = read_line(payload)
        if isinstance(line, RoomLine):
            self._begin(line)
            return None
        if self.room is None:
            raise BadRequest('it is a message, and the first line must be the room: {"type":"room", ...}')
        self._check(line, self.room)
        self._next += 1
        if line.author.type == "user" and line.author.name:
            self.accounts[line.author.name] = None
        return line

    def end(self) -> RoomLine:
        """The room, now that there are no more lines; BadRequest when some are missing."""
        if self.room is None:
            raise BadRequest("the file is empty: nothing was exported")
        if self._next <= self.room.last_seq:
            raise BadRequest(
                f"the file ends before message #{self._next}, and the room has them up to #{self.room.last_seq}: "
                "it was cut off, export the room again"
            )
        return self.room

    def _begin(self, room: RoomLine) -> None:
        if self.room is not None:
            raise BadRequest("it is the line of a room again: a file holds one room")
        check_room_name(room.name)
        check_fields({"title": room.title, "topic": room.topic, "max_length": room.max_length})
        if room.first_seq > room.last_seq + 1:
            raise BadRequest(f'its "first_seq" is {room.first_seq}, and its "last_seq" only {room.last_seq}')
        names = [member.name for member in room.members]
        for name in names:
            check_text(name, _LONGEST_TEXT, "a member's account")
        if len(set(names)) < len(names):
            raise BadRequest("somebody is twice among its members")
        self.room, self._next = room, room.first_seq
        self.accounts.update(dict.fromkeys(names))

    def _check(self, line: MessageLine, room: RoomLine) -> None:
        if line.room != room.name:
            raise BadRequest(f"it is of room {line.room}, and not of {room.name}")
        if line.seq != self._next or line.seq > room.last_seq:
            raise BadRequest(f"it is message #{line.seq}, and {_due(self._next, room.last_seq)}")
        if line.reply_to is not None and line.reply_to > room.last_seq:
            raise BadRequest(f"it answers message #{line.reply_to}, which there is not")
        check_text(line.username, _LONGEST_TEXT, "the name")
        for text, what in ((line.author.name, "the account"), (line.slot, "the slot"), *_mentioned(line)):
            if text:
                check_text(text, _LONGEST_TEXT, what)
        check_attributes(title=line.title, priority=line.priority, tags=line.tags, format=line.format, url=line.url)
        if not line.deleted:
            check_text(line.message, _LONGEST_TEXT)
        elif line.message:
            raise BadRequest("it is deleted and has a text: one of the two is wrong")
        for moment in (line.created_at, line.edited_at, line.expires_at):
            _check_moment(moment)


def _due(seq: int, last_seq: int) -> str:
    return f"#{seq} is due" if seq <= last_seq else f"#{last_seq} was the last one"


def _mentioned(line: MessageLine) -> list[tuple[str, str]]:
    return [(name, "a mentioned account") for name in line.mentions]


def _check_moment(moment: datetime | None) -> None:
    """Times at the ends of the calendar are no times in some zones: who reads there could not be shown them."""
    if moment is not None and not _EARLIEST <= moment <= _LATEST:
        raise BadRequest(f"the time {moment} is at the end of the calendar: no message was sent then")
