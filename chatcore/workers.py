"""Which of the worker processes of one server this is, and how one asks another what it has counted."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

#: Seconds for another one's answer.
_PATIENCE = 2.0


@dataclass(frozen=True)
class Workers:
    """This process among those that serve on the same sockets."""

    #: Its number, from 1.
    number: int
    #: A unix socket on which the others ask this one; None if nobody asks.
    listener: socket.socket | None
    #: Where each is asked, by number.
    places: Mapping[int, str]

    async def others(self) -> dict[int, bytes | None]:
        """What each of the others says; None of one that does not answer in time."""
        numbers = [number for number in self.places if number != self.number]
        answers = await asyncio.gather(*(_asked(self.places[number]) for number in numbers))
        return dict(zip(numbers, answers, strict=True))

    def answer(self, text: Callable[[], bytes]) -> None:
        """From now on say this to whoever asks, in the running loop. `text` is called in a thread."""
        if self.listener is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self.listener, self._accept, loop, text)

    def answer_no_more(self) -> None:
        """This process ends: who asks meanwhile is answered by the one that takes its place."""
        if self.listener is not None:
            asyncio.get_running_loop().remove_reader(self.listener)

    def _accept(self, loop: asyncio.AbstractEventLoop, text: Callable[[], bytes]) -> None:
        assert self.listener is not None
        with suppress(OSError):  # the one that takes our place was quicker
            connection, _ = self.listener.accept()
            loop.run_in_executor(None, _tell, connection, text)


def _tell(connection: socket.socket, text: Callable[[], bytes]) -> None:
    with connection, suppress(OSError):  # who asked may have given up
        connection.settimeout(_PATIENCE)
        connection.sendall(text())


async def _asked(path: str) -> bytes | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return await reader.read() or None
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


_own: list[Workers] = []


def begin(number: int, listener: int | None, places: Mapping[int, str]) -> None:
    """This process is that worker. `listener` is the descriptor of a socket that listens."""
    found = None if listener is None else socket.socket(fileno=listener)
    if found is not None:
        found.setblocking(False)
    _own[:] = [Workers(number, found, dict(places))]


def own() -> Workers | None:
    """What was told by `begin`; None if this process serves alone."""
    return _own[0] if _own else None
