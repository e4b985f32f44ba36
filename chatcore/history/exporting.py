"""Reads a room's messages for its export: by number, page by page, up to the last one that there was at first."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chatcore.exceptions import Unavailable
from chatcore.history.log import messages_since
from chatcore.history.people import account_names
from chatcore.history.rooms import RoomView, room_named
from chatcore.history.transfer import AuthorPart, MemberPart, MessageLine, RoomLine, encode
from chatcore.models import Membership, Message

#: Messages in one read.
PAGE = 1000
_COLUMNS = (
    "seq", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "edited_at", "expires_at", "deleted_at", "slot", "extra",
)  # fmt: skip


class Export(NamedTuple):
    """The room's own line, and pages of its messages' lines, encoded, to be read once."""

    room: RoomLine
    pages: Iterator[list[bytes]]


def exported_room(name: str, since: datetime | None = None) -> Export:
    """All of the room that another database can understand, or what was sent at `since` or later.

    What is posted meanwhile is left out. RoomNotFound; a page raises Unavailable when messages are pruned under it.
    """
    room = room_named(name)
    first = room.seq_floor + 1
    if since is not None:
        found = messages_since(room.id, since, 1)
        first = max(first, found[0].seq if found else room.last_seq + 1)
    return Export(_described(room, first), _pages(room, first))


def _described(room: RoomView, first: int) -> RoomLine:
    return RoomLine(
        name=room.name, title=room.title, topic=room.topic, private=room.private, announce_only=room.announce_only,
        max_length=room.max_length, archived=room.archived, first_seq=first, last_seq=room.last_seq,
        retention=None if room.retention is None else max(1, int(room.retention.total_seconds())),
        members=_members(room.id),
    )  # fmt: skip


def _members(room_id: int) -> list[MemberPart]:
    """The members by the names of their accounts; a membership of an account that is gone is nobody's."""
    roles: dict[str, Any] = dict(Membership.objects.filter(room=room_id).values_list("user_id", "role"))
    names = account_names(roles)
    return [MemberPart(name, roles[user_id]) for user_id, name in sorted(names.items(), key=lambda item: item[1])]


def _pages(room: RoomView, first: int) -> Iterator[list[bytes]]:
    while first <= room.last_seq:
        wanted = Message.objects.filter(room=room.id, seq__gte=first, seq__lte=room.last_seq).order_by("seq")
        rows = list(wanted.values_list(*_COLUMNS)[:PAGE])
        if not rows or rows[-1][0] != first + len(rows) - 1:
            raise Unavailable(f"messages of room {room.name} from #{first} on are gone meanwhile: export it again")
        names = account_names({row[5] for row in rows if row[4] == Message.AuthorType.USER})
        yield [encode(_line(room.name, row, names)) for row in rows]
        first += len(rows)


def _line(room: str, row: Sequence[Any], names: dict[str, str]) -> MessageLine:
    """The message; a person is called as the account is now, if it is still there."""
    (seq, kind, text, username, author_type, author_id, author_name, source,
     created_at, edited_at, expires_at, deleted_at, slot, extra) = row  # fmt: skip
    if author_type == Message.AuthorType.USER:
        author_name = names.get(author_id, author_name)
    return MessageLine(
        room=room, seq=seq, kind=kind, message=text, username=username, author=AuthorPart(author_type, author_name),
        slot=slot, source=source, created_at=created_at, edited_at=edited_at, expires_at=expires_at,
        deleted=deleted_at is not None, **(extra or {}),
    )  # fmt: skip
