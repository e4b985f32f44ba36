"""What the command says of each message: a line for people, an object for programs."""

from typing import Any, NamedTuple

from chatcore.events import Delete, Edit, Message, to_dict

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


def answer(
    status: str,
    event: Message | Edit | Delete,
    live: str = "none",
    *,
    delivered: int | None = None,
    seen: int | None = None,
) -> Answer:
    """Of a message that is in the log."""
    return Answer(
        f"{event.room} #{event.seq}{_REMARKS[status]}", described(status, event, live, delivered=delivered, seen=seen)
    )


def described(
    status: str,
    event: Message | Edit | Delete,
    live: str = "none",
    *,
    delivered: int | None = None,
    seen: int | None = None,
) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {"status": status, "live": live, "delivered": delivered, "seen": seen, "message": to_dict(event)}
