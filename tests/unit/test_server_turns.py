"""A listener that processes share: who comes at once is not all taken by the one that is woken first."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.protocol import Factory, Protocol

from chatcli.server.turns import PAUSE_S, take_turns
from tests.waiting import DEADLINE_S

COMING = 5


class Taken(Factory):
    """Counts the connections."""

    def __init__(self) -> None:
        self.count = 0
        self.first = asyncio.Event()
        self.all_but_one = asyncio.Event()

    def buildProtocol(self, addr: Any) -> Protocol:  # noqa: N802  Twisted's name
        self.count += 1
        self.first.set()
        if self.count == COMING - 1:
            self.all_but_one.set()
        return Protocol()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Already with connections that wait."""
    with ExitStack() as stack:
        found = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found.setblocking(False)
        for _ in range(COMING):
            stack.enter_context(socket.create_connection(found.getsockname()))
        yield found


def test_it_takes_one_and_leaves_the_next_to_others(listener: socket.socket) -> None:
    async def scenario() -> None:
        taken = Taken()
        reactor: Any = AsyncioSelectorReactor(asyncio.get_running_loop())
        port = reactor.adoptStreamPort(listener.fileno(), listener.family, taken)
        take_turns(port)
        async with asyncio.timeout(DEADLINE_S):
            await taken.first.wait()
            assert taken.count == 1
            listener.accept()[0].close()  # as another process does now
            await taken.all_but_one.wait()

    asyncio.run(scenario())


def test_one_that_is_closed_in_a_pause_stays_closed(listener: socket.socket) -> None:
    async def scenario() -> None:
        failures: list[dict[str, Any]] = []
        loop, taken, later = asyncio.get_running_loop(), Taken(), asyncio.Event()
        loop.set_exception_handler(lambda _, context: failures.append(context))
        reactor: Any = AsyncioSelectorReactor(loop)
        port = reactor.adoptStreamPort(listener.fileno(), listener.family, taken)
        take_turns(port)
        async with asyncio.timeout(DEADLINE_S):
            await taken.first.wait()
            port.stopListening()
            loop.call_later(3 * PAUSE_S, later.set)
            await later.wait()
        assert (taken.count, failures) == (1, [])

    asyncio.run(scenario())
