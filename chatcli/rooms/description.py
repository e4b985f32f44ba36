"""What a room is, as JSON."""

from typing import Any

from chatcore.history import RoomView


def described(room: RoomView) -> dict[str, Any]:
    """The room as JSON; `retention` in seconds, null for ever."""
    return {
        "name": room.name,
        "title": room.title,
        "topic": room.topic,
        "private": room.private,
        "announce_only": room.announce_only,
        "archived": room.archived,
        "retention": None if room.retention is None else int(room.retention.total_seconds()),
        "max_length": room.max_length,
        "last_seq": room.last_seq,
        "members": room.member_count,
    }
