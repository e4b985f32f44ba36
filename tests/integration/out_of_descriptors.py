"""A program whose process has one descriptor left, and no connection to the database yet: prints what it is told.

python -m tests.integration.out_of_descriptors ROOM_ID
"""

import asyncio
import gc
import json
import logging
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django

django.setup()

from django.db import connection, connections  # noqa: E402

from chatcore.database import DatabaseThread, explaining, trouble  # noqa: E402
from chatcore.exceptions import Unavailable  # noqa: E402
from chatcore.feed import Lookout  # noqa: E402
from tests.waiting import wait_until  # noqa: E402

LIMIT = 64


@contextmanager
def one_descriptor_left() -> Iterator[None]:
    """A driver has its socket of it, and nothing to wait for that socket with."""
    gc.collect()  # a failure's frames keep its socket for a while
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, before[1]))
    taken = []
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        os.close(taken.pop())
    try:
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect() -> None:
    connection.ensure_connection()  # the calling thread's


def of_thread(runner: asyncio.Runner, thread: DatabaseThread) -> str:
    try:
        runner.run(thread.run(connect))
    except Unavailable as error:
        return str(error)
    return "connected"


def of_page() -> str:
    try:
        connect()
    except OSError as error:
        return str(trouble(error))
    return "connected"


def of_other_code() -> str:
    taken = []
    try:
        with explaining():
            while True:
                taken.append(os.dup(0))
    except Exception as error:
        return type(error).__name__
    finally:
        for descriptor in taken:
            os.close(descriptor)


async def of_watch(room_id: int, said: list[str]) -> None:
    with one_descriptor_left():
        lookout = Lookout(poll=0.01)
        lookout.listen(room_id)
        lookout.start()
        await asyncio.to_thread(wait_until, lambda: said or not lookout.alive, "it notices")
    await asyncio.to_thread(wait_until, lambda: len(said) > 1 or not lookout.alive, "it goes on")
    await lookout.close()


class Said(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


def main(room_id: int) -> None:
    thread, said = DatabaseThread("test"), list[str]()
    with asyncio.Runner() as runner:
        before = of_thread(runner, thread)  # and all that it needs is loaded
        of_page()
        runner.run(thread.run(connections.close_all))
        connections.close_all()
        of = {"before": before}
        with one_descriptor_left():
            of["thread"] = of_thread(runner, thread)
        with one_descriptor_left():
            of["page"] = of_page()
        with one_descriptor_left():
            of["other code"] = of_other_code()
        of["after"] = of_thread(runner, thread)
        runner.run(thread.run(connections.close_all))
        thread.close()
        logging.getLogger("chatcore.feed.lookout").addHandler(Said(said))
        runner.run(of_watch(room_id, said))
    sys.stdout.write(json.dumps({**of, "watch": said}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
