"""Where the time of a message goes, step by step in one process: `make bench`.

Prints a Markdown table. Each figure is processor time, the median of many rounds; the commit's wall time has its fsync.
"""

import asyncio
import json
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TEXT = "a line as long as lines in a chat are on most days, sixty ch"
ROUNDS = 40
MANY = 2000
SOCKETS = 200


def main() -> None:
    """The table."""
    with tempfile.TemporaryDirectory(prefix="chat-") as folder:
        os.environ.update(CHAT_VAR_DIR=folder, DJANGO_SETTINGS_MODULE="chatproject.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print("| step | microseconds |\n|---|---|")  # noqa: T201
        coming_in()
        committing()
        going_out()
        asyncio.run(ringing(Path(folder)))


def coming_in() -> None:
    """From the bytes of a frame to the post."""
    from websockets.frames import Frame, Opcode

    from chatcli.server.texts import whole_text
    from chatcore.frames import parse_full

    text = json.dumps({"type": "send", "client_id": "0c9f1b5e-8a51-4b6f-9a53-0f6f7f0a3a51", "message": TEXT})
    data = Frame(Opcode.TEXT, text.encode()).serialize(mask=True)
    row("frame to text: unmask, decode", each(lambda: whole_text(data, 0, 65_536)))
    row("text to request: parse strictly", each(lambda: parse_full(text)))


def committing() -> None:
    """A batch of posts with keys by somebody, as sockets send them, into one room and into as many rooms."""
    from chatcore.actors import Actor
    from chatcore.services import Post, create_room, post_messages

    alice = Actor("user", "7", "alice", "Alice")
    names = [f"room-{number}" for number in range(64)]
    for name in names:
        create_room(name)
    for size, rooms in ((1, 1), (8, 1), (64, 1), (256, 1), (64, 64)):
        used, took = [], []
        for number in range(ROUNDS):
            posts = [
                Post(names[one % rooms], TEXT, alice, source="web", key=f"{size}-{rooms}-{number}-{one}")
                for one in range(size)
            ]
            start, wall = time.thread_time(), time.perf_counter()
            post_messages(posts, announce=lambda _: None)
            used.append((time.thread_time() - start) / size)
            took.append((time.perf_counter() - wall) / size)
        where = "one room" if rooms == 1 else f"{rooms} rooms"
        row(f"commit of {size} into {where}, each post (wall)", used, took)


def going_out() -> None:
    """One batch to many sockets that are read in another process."""
    from chatcore import events
    from chatcore.frames import text_frame
    from tests.unit.sample import message

    event = message(message=TEXT)
    payload = events.encode(event)
    row("event to frame: encode once, frame once", each(lambda: text_frame(events.encode(event))))
    for size in (1, 8, 64):
        row(f"a write of {size} events to one socket", written(text_frame(payload) * size))


def written(frames: bytes) -> list[float]:
    """Seconds for each socket."""
    with socket.create_server(("127.0.0.1", 0), backlog=SOCKETS) as listener:
        child = os.fork()
        if child == 0:
            swallow([socket.create_connection(listener.getsockname()) for _ in range(SOCKETS)])
        ends = [listener.accept()[0] for _ in range(SOCKETS)]
    used = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        for end in ends:
            end.send(frames)
        used.append((time.thread_time() - start) / SOCKETS)
        time.sleep(0.01)
    for end in ends:
        end.close()
    os.waitpid(child, 0)
    return used


def swallow(ends: Sequence[socket.socket]) -> None:
    """Read until the last of them is closed, and end this process."""
    import select

    poller = select.epoll()
    left = {end.fileno(): end for end in ends}
    for number in left:
        poller.register(number, select.EPOLLIN)
    while left:
        for number, _ in poller.poll():
            if not left[number].recv(1 << 18):
                poller.unregister(number)
                left.pop(number).close()
    os._exit(0)


async def ringing(folder: Path) -> None:
    """Rings through the channel layer to a real broker, by the one who rings."""
    from chatcli.valkey import Valkey
    from chatcore.bell import Batch, Bell

    (folder / "run").mkdir(exist_ok=True)
    broker = Valkey(folder / "run" / "valkey.sock", lambda: False)
    try:
        for rooms in (1, 200):
            used = []
            for number in range(ROUNDS):
                batches = [Batch(room, "epoch", number, number + 1, [TEXT.encode() * 8]) for room in range(rooms)]
                bell = Bell()  # one that needs no rest
                start = time.thread_time()
                await bell.ring(batches)
                used.append((time.thread_time() - start) / rooms)
            row("a ring for one room" if rooms == 1 else f"a ring for {rooms} rooms at once, each room", used)
    finally:
        broker.stop()


def each(call: Callable[[], Any]) -> list[float]:
    """Seconds for each call."""
    used = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(MANY):
            call()
        used.append((time.thread_time() - start) / MANY)
    return used


def row(name: str, used: Sequence[float], took: Sequence[float] = ()) -> None:
    wall = f" ({1e6 * statistics.median(took):,.3g})" if took else ""
    print(f"| {name} | {1e6 * statistics.median(used):,.3g}{wall} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
