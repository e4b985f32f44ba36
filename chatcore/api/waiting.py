"""`wait=pushed|seen:N`: until the running servers or the readers have what is stored already."""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

from chatcore import conf, history, workers
from chatcore.api.requests import Call, Gone
from chatcore.exceptions import ChatError
from chatcore.services import Posted, ask_delivery

#: Seconds between two looks.
_PUSHED_EVERY, _SEEN_EVERY = 0.05, 0.25
#: Seconds more for the other servers, once this one has answered.
_ELSEWHERE = 1.0


class Wait(NamedTuple):
    """What is waited for: the sockets of the servers, or so many readers."""

    what: Literal["pushed", "seen"]
    readers: int = 1


#: How far each message has got: `delivered` are sockets, `seen` are people.
Reached = list[dict[str, int | None]]


def wanted(text: str) -> Wait | None:
    """`stored` (None: that goes without saying), `pushed`, `seen`, `seen:3`."""
    what, _, readers = text.partition(":")
    if what == "stored":
        return None
    return Wait("pushed") if what == "pushed" else Wait("seen", int(readers or 1))


async def reached(call: Call, wait: Wait | None, stored: Sequence[Posted], until: float) -> Reached:
    """How far the messages have got, as soon as that is as far as wished, or by `until` (of the loop's clock). Gone
    if nobody waits any more."""
    nothing: Reached = [{} for _ in stored]
    if wait is None:
        return nothing
    async with _Patience(call, until) as patience:
        try:
            if wait.what == "pushed":
                return await _delivered(call, stored, patience)
            return await _seen(call, stored, wait.readers, patience)
        except ChatError:  # it is stored all the same: what the error says of that is not true here
            return nothing


class _Patience:
    """Lasts until a time, at most until the server stops. Gone when the client leaves."""

    def __init__(self, call: Call, until: float) -> None:
        self._call, self._until = call, until

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._left = loop.create_task(_departure(self._call))
        self._stopping = loop.create_task(self._call.process.stopping.wait())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left.cancel()
        self._stopping.cancel()

    async def lasts(self, seconds: float) -> bool:
        """Wait so long, or to the end; whether there is any time left."""
        left = self._until - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        ends = (self._left, self._stopping)
        await asyncio.wait(ends, timeout=min(seconds, left), return_when=asyncio.FIRST_COMPLETED)
        if self._left.done():
            raise Gone
        return not self._stopping.done()


async def _departure(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass


async def _delivered(call: Call, stored: Sequence[Posted], patience: _Patience) -> Reached:
    """How many sockets have got each message, by the servers' own word; None where this one has not answered."""
    here, server, clock = workers.own(), f"{socket.gethostname()}:{os.getpid()}", asyncio.get_running_loop().time
    processes = len(here.places) if here is not None else 1
    inquiries = [await _inquiry(call, posted) for posted in stored]
    answered_at: float | None = None
    while True:
        answers = [await call.process.hub.lookout.read(history.deliveries, inquiry) for inquiry in inquiries]
        answered = all(server in given for given in answers)
        answered_at = (answered_at or clock()) if answered else None
        all_here = all(len(given) >= processes for given in answers) and conf.settings.BROKER_SOCKET is not None
        done = answered_at is not None and (all_here or clock() - answered_at >= _ELSEWHERE)
        if done or not await patience.lasts(_PUSHED_EVERY):
            return [{"delivered": sum(given.values()) if server in given else None} for given in answers]


async def _inquiry(call: Call, posted: Posted) -> str:
    return await call.process.writer.run(_ask, posted.message.room, posted.message.rev)


def _ask(room: str, rev: int, *, announce: object, timeout: float) -> str:
    return ask_delivery([(room, rev)], timeout=timeout)


async def _seen(call: Call, stored: Sequence[Posted], readers: int, patience: _Patience) -> Reached:
    """How many people have read each message."""
    read = call.process.hub.lookout.read
    while True:
        counts = [await read(history.readers_of, posted.message.room, posted.message.seq) for posted in stored]
        if min(counts) >= readers or not await patience.lasts(_SEEN_EVERY):
            return [{"seen": count} for count in counts]
