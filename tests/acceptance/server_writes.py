"""A program that writes as a server does, through its commit threads: `server_writes.py NAME COUNT ROOM...`.

Prints what was acknowledged, a line of JSON each: the room, the number, the text.
"""

import asyncio
import json
import os
import sys
from functools import partial

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from chatcore.actors import SYSTEM  # noqa: E402  after the set-up
from chatcore.exceptions import ChatError  # noqa: E402
from chatcore.services import Post, Posted, delete_message  # noqa: E402
from chatcore.writer import Writer  # noqa: E402

IN_FLIGHT = 20


async def main(name: str, count: int, rooms: list[str]) -> None:
    """So many messages into each room, some under way at once; some of them are deleted again."""
    writer, free = Writer(lambda batches: None), asyncio.Semaphore(IN_FLIGHT)
    mine: list[tuple[str, int]] = []

    def tell(room: str, text: str, outcome: Posted | ChatError) -> None:
        free.release()
        if isinstance(outcome, ChatError):
            sys.stderr.write(f"{room}: {outcome}\n")
        else:
            mine.append((room, outcome.message.seq))
            sys.stdout.write(json.dumps([room, outcome.message.seq, text]) + "\n")

    for number in range(count):
        for room in rooms:
            text = f"{name} {number}"
            await free.acquire()
            writer.post(Post(room, text, key=text), partial(tell, room, text))
        if number % 10 == 9:
            room, seq = mine.pop()
            await writer.run(delete_message, room, seq, SYSTEM)
    await writer.settled()
    await writer.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
