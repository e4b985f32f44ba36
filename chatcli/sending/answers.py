"""What the command says of each message: a line for people, an object for programs."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from chatcore.events import Delete, Edit, Message

_REMARKS = {
    "sent": "",
    "duplicate": " (already sent)",
    "suppressed": " (not sent again)",
    "edited": " (edited)",
    "deleted": " (deleted)",
}


class Answer(NamedTuple):
    """`line` for people, `content` for programs."""

    line: str
    content: dict[str, Any]


def placed(status: str, room: str, seq: int) -> str:
    """The line: where a message is, and what became of it."""
    return f"{room} #{seq}{_REMARKS[status]}"


def answer(
    status: str,
    event: "Message | Edit | Delete",
    live: str = "none",
    *,
    delivered: int | None = None,
    seen: int | None = None,
) -> Answer:
    """Of a message that is in the log."""
    content = described(status, event, live, delivered=delivered, seen=seen)
    return Answer(placed(status, event.room, event.seq), content)


def described(
    status: str,
    event: "Message | Edit | Delete",
    live: str = "none",
    *,
    delivered: int | None = None,
    seen: int | None = None,
) -> dict[str, Any]:
    """The object that `--json` prints."""
    from chatcore.events import to_dict  # which `roomline` has no use for

    return {"status": status, "live": live, "delivered": delivered, "seen": seen, "message": to_dict(event)}
