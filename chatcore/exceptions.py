"""What can go wrong, once: a code for programs, an HTTP status, an exit code, a close code and a line for people."""

from collections.abc import Sequence


class ChatError(Exception):
    """The root of all errors of the domain.

    `code` is stable and drives error frames and JSON, `status` is the HTTP status, `exit_code` a command's,
    `close_code` the WebSocket's where the socket cannot stay open. `str(error)` is one line for people.
    """

    code = "error"
    status = 500
    exit_code = 1
    close_code = 4400
    #: Of several things that were to be done together, the one that is refused, from 0.
    index: int | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(ChatError):
    """Something is not of the form it must have."""

    code, status, exit_code = "bad_field", 400, 2


class BadRoomName(BadRequest):
    """A room cannot have this name."""

    code = "bad_room_name"


class Empty(BadRequest):
    """A message without text."""

    code = "empty"

    def __init__(self, detail: str = "the message is empty: write something") -> None:
        super().__init__(detail)


class BadText(BadRequest):
    """A text that cannot be stored: NUL or half a surrogate pair."""

    code = "bad_text"


class Forbidden(ChatError):
    """The actor may not do this."""

    code, status, exit_code, close_code = "forbidden", 403, 4, 4403


class NotSignedIn(Forbidden):
    """Nobody in particular may not do this."""

    code, status, close_code = "not_signed_in", 401, 4401

    def __init__(self, detail: str = "sign in first") -> None:
        super().__init__(detail)


class RoomArchived(Forbidden):
    """An archived room is only read."""

    code = "archived"

    def __init__(self, name: str) -> None:
        super().__init__(f"room {name} is archived: it can only be read")
        self.name = name


class TooLong(ChatError):
    """A text over the limit; `limit` and `length` are characters."""

    code, status, exit_code = "too_long", 413, 4

    def __init__(self, length: int, limit: int, what: str = "the message") -> None:
        super().__init__(f"{what} has {length} characters, the limit is {limit}: shorten it")
        self.length, self.limit = length, limit


class NotFound(ChatError):
    """No such thing; `near` are names that were perhaps meant."""

    code, status, exit_code, close_code = "not_found", 404, 3, 4404

    def __init__(self, what: str, name: str, near: Sequence[str] = (), hint: str = "") -> None:
        guess = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"no {what} {name}{guess or hint}")
        self.name, self.near = name, list(near)


class RoomNotFound(NotFound):
    """No such room, or none that this actor may know of."""

    def __init__(self, name: str, near: Sequence[str] = ()) -> None:
        super().__init__("room", name, near, "; create it: python manage.py create_room -- " + name)


class MessageNotFound(NotFound):
    """No message of this number in the room."""

    def __init__(self, room: str, seq: int) -> None:
        super().__init__("message", f"{room} #{seq}")


class UserNotFound(NotFound):
    """No account of this name."""

    def __init__(self, name: str, near: Sequence[str] = ()) -> None:
        super().__init__("user", name, near)


class MemberNotFound(NotFound):
    """This account is no member of the room."""

    def __init__(self, room: str, account: str) -> None:
        super().__init__("member", f"{account} in room {room}")


class IsSuperuser(Forbidden):
    """A superuser may everything: what would keep one from it is not done by mistake."""

    code = "is_superuser"

    def __init__(self, account: str) -> None:
        super().__init__(f"{account} is a superuser, whom nothing holds: take that right away first")
        self.account = account


class LastOwner(Forbidden):
    """A room keeps an owner."""

    code = "last_owner"

    def __init__(self, room: str, account: str) -> None:
        super().__init__(f"{account} is the only owner of room {room}: make somebody else an owner first")
        self.room, self.account = room, account


class TooManyRooms(Forbidden):
    """Somebody owns so many rooms that no more can be created by him; `limit` is how many that are."""

    code = "too_many_rooms"

    def __init__(self, limit: int) -> None:
        super().__init__(f"nobody may own more than {limit} rooms here: ask the people who run this site")
        self.limit = limit


class TooManyMembers(Forbidden):
    """The room has as many members as a room may have, which is `limit`."""

    code = "too_many_members"

    def __init__(self, room: str, limit: int) -> None:
        super().__init__(f"room {room} has {limit} members, which is the limit (CHAT_MEMBERS_PER_ROOM)")
        self.room, self.limit = room, limit


class Conflict(ChatError):
    """It is already there, and it is not the same."""

    code, status, exit_code = "conflict", 409, 4


class RoomExists(Conflict):
    """A room of this name, or of one that looks the same, exists."""

    code = "room_exists"

    def __init__(self, name: str, hint: str = "--if-not-exists leaves it as it is, --update changes it") -> None:
        super().__init__(f"room {name} exists; {hint}")
        self.name = name


class UserExists(Conflict):
    """An account of this name, or of one that differs from it in case only, exists."""

    code = "user_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"user {name} exists: choose another name")
        self.name = name


class TokenExists(Conflict):
    """A token of this name is there and was not revoked."""

    code = "token_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"token {name} exists: choose another name, or revoke that one first")
        self.name = name


class KeyReused(Conflict):
    """A key came again with other content. `seq` is 0 for a message that has no number yet."""

    code = "key_reused"

    def __init__(self, key: str, seq: int) -> None:
        used = f"message #{seq}" if seq else "a scheduled message"
        super().__init__(f"key {key} was used for {used} with other content: take a new key")
        self.key, self.seq = key, seq


class RateLimited(ChatError):
    """Too many messages, or too much else; `wait` is in seconds."""

    code, status, exit_code, close_code = "rate", 429, 5, 4029

    def __init__(self, wait: float, what: str = "messages") -> None:
        super().__init__(f"too many {what}: wait {wait:.1f} s")
        self.wait = wait


class TooManySockets(RateLimited):
    """`who` (person or address) has as many sockets open as may be, which is `limit`; `wait` as for any rate."""

    code = "too_many_sockets"

    def __init__(self, who: str, limit: int, wait: float = 10.0) -> None:
        ChatError.__init__(self, f"this {who} has {limit} sockets open, which is the limit: close some, then come back")
        self.who, self.limit, self.wait = who, limit, wait


class Unavailable(ChatError):
    """The database cannot be written or read now; nothing was stored, so that a retry is safe.

    `reason` is what the database itself says, with addresses and paths: it is in the line for those who run the
    site, and not in `detail`, which clients get.
    """

    code, status, exit_code, close_code = "unavailable", 503, 5, 1011
    reason = ""

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason

    def __str__(self) -> str:
        what, colon, remedy = self.detail.partition(": ")
        return f"{what} ({self.reason}){colon}{remedy}" if self.reason else self.detail


class OutcomeUnknown(Unavailable):
    """The answer of a commit was lost: the message may be stored. A repeat with the same key is safe."""

    code = "unknown"
