"""What goes on while something fails: people post, and so do commands; at the end all of it is stored."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite

#: Exit code of a command that stored nothing and may be repeated.
UNAVAILABLE = 5


@asynccontextmanager
async def posting(crowd: Crowd, rate: float = 10.0) -> AsyncIterator[list[float]]:
    """People of the crowd post in turns, so many a second, until the end of the context; then until all is stored.

    Gives the seconds until each post was acknowledged, so far.
    """
    over, took = asyncio.Event(), list[float]()

    async def post(number: int) -> None:
        began = time.monotonic()
        await crowd.people[number % len(crowd.people)].post(f"posted meanwhile: {number}")
        took.append(time.monotonic() - began)

    async def keep_on() -> None:
        number = 0
        async with asyncio.TaskGroup() as group:
            while not over.is_set():
                group.create_task(post(number))
                number += 1
                await asyncio.sleep(1 / rate)

    task = asyncio.create_task(keep_on())
    try:
        yield took
        over.set()
        await task
    finally:
        task.cancel()


class Commands:
    """`chat_send` in processes of their own: what it says is stored goes into the ledger."""

    def __init__(self, site: ChatSite, room: str, ledger: Ledger) -> None:
        self._site, self._room, self._ledger = site, room, ledger
        self.took: list[float] = []

    async def send(self, text: str, *options: str, code: int = 0) -> str:
        """One command, which must end with this exit code; what it wrote on stderr."""
        began = time.monotonic()
        done = await asyncio.to_thread(self._site.manage, "chat_send", self._room, text, *options)
        self.took.append(time.monotonic() - began)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        if code == 0:
            room, _, seq = done.stdout.strip().partition(" #")
            assert room == self._room, done.stdout
            self._ledger.posted(room, int(seq), text)
        else:
            assert done.stdout == ""
            assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


def worst(took: list[float]) -> float:
    """The longest of them, for a report."""
    return round(max(took, default=0.0), 2)
