"""What a server says became of messages. It may be any server: nothing of an answer is believed to be as it should."""

from datetime import datetime
from typing import Any, NamedTuple

from chatcli.remote.api import Reply
from chatcli.remote.connection import Server
from chatcli.remote.errors import NoRoomline
from chatcli.sending.answers import placed

_STATUSES = frozenset(("sent", "duplicate", "suppressed", "edited", "deleted", "dry-run", "scheduled", "cancelled"))


class Answer(NamedTuple):
    """Of one message. `content` is what `--json` prints; `due_at` is given for one that is sent later."""

    status: str
    room: str
    seq: int
    live: str
    delivered: int | None
    seen: int | None
    due_at: datetime | None
    content: dict[str, Any]

    @property
    def line(self) -> str:
        """`newbox #42`, and what is to be said besides."""
        return placed(self.status, self.room, self.seq)


def answers_of(reply: Reply, server: Server, *, own_key: bool) -> list[Answer]:
    """One answer a message. `own_key`: that an earlier try of this very command has stored it is nobody's business.
    NoRoomline."""
    found = reply.content.get("answers")
    if not isinstance(found, list):
        raise NoRoomline(f"{server.name} does not say what became of the messages")
    return [answer_of(content, server, own_key=own_key) for content in found]


def answer_of(content: Any, server: Server, *, own_key: bool = False) -> Answer:
    """One answer. NoRoomline."""
    message = content.get("message") if isinstance(content, dict) else None
    status = content.get("status") if isinstance(content, dict) else None
    room, seq = (message.get("room"), message.get("seq")) if isinstance(message, dict) else (None, None)
    if status not in _STATUSES or not isinstance(room, str) or not isinstance(seq, int):
        raise NoRoomline(f"{server.name} does not say what became of the message")
    due_at = _moment(content["at"]) if "at" in content else None
    if own_key and status == "duplicate":
        status = "sent" if due_at is None else "scheduled"
        content = {**content, "status": status}
    if due_at is not None:  # as `chat_send` has it
        content = {"live": "none", "delivered": None, "seen": None, **content, "due_at": content["at"]}
    delivered, seen = _count(content.get("delivered")), _count(content.get("seen"))
    return Answer(status, room, seq, str(content.get("live")), delivered, seen, due_at, content)


def _count(number: object) -> int | None:
    return number if isinstance(number, int) else None


def _moment(text: object) -> datetime | None:
    """What a server says by RFC 3339; None if it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
