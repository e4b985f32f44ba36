"""Short ways to export and import in tests: a room of every kind of message, its lines, and rooms made of lines."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import services
from chatcore.actors import SYSTEM, Actor, actor_for, bot
from chatcore.exceptions import ChatError
from chatcore.history.exporting import exported_room
from chatcore.history.transfer import RoomLine, encode
from chatcore.services import Post
from chatcore.services.imported_lines import ImportedLines
from chatcore.services.importing import ImportedRoom, import_room
from tests.integration.writing import say


def user(name: str) -> Actor:
    return actor_for(User.objects.create_user(name))


def lived_in(name: str = "newbox") -> None:
    """A room with everything that a room and its messages can have."""
    alice, bob = user("alice"), user("bob@example.org")
    services.create_room(
        name, title="New „Box“", topic="All of it ü", private=False, owner="alice", members=["bob@example.org"],
        retention=timedelta(days=3650), max_length=500,
    )  # fmt: skip
    rare: dict[str, Any] = {"title": "T", "priority": 5, "tags": ("a", "ü"), "url": "https://e.example/?a=1&b"}
    found = services.post_messages(
        [
            Post(name, "hello @alice \u2028 \x7f\x9b <b>", bob, source="web", key="k1"),
            Post(name, "**bold**", alice, kind="announcement", format="markdown", **rare),
            Post(name, "disk 90 %", bot("cron"), kind="notice", slot="disk", source="cli"),
            Post(name, "it goes", alice, lifetime=timedelta(days=30), source="http"),
            Post(name, "why?", bob, reply_to=2, source="web"),
            Post(name, "oops", alice),
            Post(name, "down", SYSTEM, kind="banner"),
        ]
    )
    assert not [refused for refused in found if isinstance(refused, ChatError)]
    services.edit_message(name, 5, "why not?", bob)
    services.delete_message(name, 6, alice)


def exported(name: str = "newbox", **options: Any) -> bytes:
    """What export prints."""
    export = exported_room(name, **options)
    return b"".join(line + b"\n" for line in [encode(export.room), *(line for page in export.pages for line in page)])


def lines_of(count: int, *, room: str = "newbox", account: str = "alice", **changed: Any) -> bytes:
    """An export of a room with so many messages."""
    moment = timezone.now().isoformat()
    header = encode({"type": "room", "name": room, "last_seq": count, **changed})
    author = {"type": "user", "name": account}
    messages = [
        {"type": "message", "room": room, "seq": seq, "message": f"text {seq}", "username": account, "author": author,
         "created_at": moment}
        for seq in range(1, count + 1)
    ]  # fmt: skip
    return b"".join(line + b"\n" for line in [header, *map(encode, messages)])


def imported(
    payload: bytes, name: str | None = None, progress: Any = lambda stored: None, **options: Any
) -> ImportedRoom:
    """The room of an export, under that name."""
    checked, lines = ImportedLines(), ImportedLines()
    for line in payload.splitlines():
        checked.take(line)
    room = checked.end()
    described = RoomLine(**{field: getattr(room, field) for field in room.__struct_fields__})
    described.name = name or room.name
    messages = (message for message in map(lines.take, payload.split(b"\n")[:-1]) if message is not None)
    return import_room(described, messages, checked.accounts, progress, **options)


def fill(name: str, count: int) -> None:
    """So many messages of the system."""
    for start in range(0, count, 500):
        say(name, *(f"text {number}" for number in range(start, min(start + 500, count))))
