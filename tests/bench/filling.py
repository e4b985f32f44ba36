"""Rooms full of messages, faster than by posting them: `python -m tests.bench.filling ROOM SIZE` copies the one real
message of a room, a message a second up to now. Its members came when half of them had been written."""

import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import django
import msgspec

from tests.acceptance.site import PROJECT, ChatSite

#: Rows at once.
STEP = 10_000


class Place(msgspec.Struct):
    """Of a message only where it stands in the log."""

    seq: int
    rev: int


def filled(site: ChatSite, room: str, size: int) -> None:
    """Fill the room, in which nothing is yet, and see by `chat_tail` that it is a sound one."""
    site.manage("chat_send", "-q", room, "a message of which there will be many", "--kind", "message")
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "chatproject.settings"}
    command = [sys.executable, "-m", "tests.bench.filling", room, str(size)]
    subprocess.run(command, env=env, cwd=PROJECT, check=True, stdin=subprocess.DEVNULL)
    place, number = msgspec.json.Decoder(Place), 0
    with site.popen("chat_tail", room, "-n", "all", "--no-follow", "--json") as tail:
        assert tail.stdout is not None
        for number, line in enumerate(tail.stdout, 1):
            assert place.decode(line) == Place(number, number), f"room {room} is not sound at {number}: {line}"
    assert number == size, f"room {room} has {number} messages instead of {size}"


def fill(name: str, size: int) -> None:
    """In a process that has Django: messages 2 to `size` of the room."""
    from django.db import connection, transaction

    from chatcore.models import Membership, Message, Room

    with transaction.atomic(), connection.cursor() as cursor:
        room = Room.objects.get(name=name)
        real = Message.objects.get(room=room)
        begin, pk = real.created_at - timedelta(seconds=size), real.pk.int
        Message.objects.filter(pk=real.pk).update(created_at=begin)
        real.key_scope = real.key = real.key_digest = None  # as they are a week after
        fields = Message._meta.concrete_fields
        same = {str(field.column): field.get_db_prep_save(getattr(real, field.attname), connection) for field in fields}
        columns, places = ", ".join(map(connection.ops.quote_name, same)), ", ".join(["%s"] * len(same))
        insert = f"INSERT INTO {Message._meta.db_table} ({columns}) VALUES ({places})"
        stored_time, native = connection.ops.adapt_datetimefield_value, connection.features.has_native_uuid_field

        def row(number: int) -> list[Any]:
            own = UUID(int=pk - ((size + 1 - number) << 80))  # an id begins with its milliseconds
            return list({
                **same, "id": own if native else own.hex, "seq": number, "rev": number,
                "text": f"line {number}, as long as lines in a chat are on most days",
                "created_at": stored_time(begin + timedelta(seconds=number - 1)),
            }.values())  # fmt: skip

        for start in range(2, size + 1, STEP):
            cursor.executemany(insert, [row(number) for number in range(start, min(start + STEP, size + 1))])
        Room.objects.filter(pk=room.pk).update(last_seq=size, head=size)
        Membership.objects.filter(room=room).update(joined_at=begin + timedelta(seconds=size // 2))


if __name__ == "__main__":
    django.setup()
    fill(sys.argv[1], int(sys.argv[2]))
