"""A network that fails on command: a TCP proxy in a thread of its own, before a server or a broker.

    with FaultyNetwork(site.host, site.port) as network:     # or FaultyNetwork(path_of_a_unix_socket)
        connect to network.host, network.port
        network.down.delay_s = 0.2        # towards the client; `network.up`: towards the server
        network.down.bytes_per_s = 10_000
        network.hold(); ...; network.release()   # a black hole: nothing passes, nobody is told; then all goes on
        network.reset()                   # every connection ends now, by RST on both sides
        network.forget_clients()          # half-open: the server's side is reset, the clients hear nothing
        network.refusing = True           # new connections are reset at once
        network.down.cut_after = 5000     # each new connection is reset after so many bytes in that direction
        network.lifetime_s = lambda: 15   # each new connection is reset after so many seconds

All may be changed at any time and from any thread. `delay_s` and `bytes_per_s` are waited for with each chunk of a
connection, so that a delay also limits the rate.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

#: Seconds between two looks whether what is held may go on.
LOOK_EVERY = 0.01
CHUNK = 65536
RST = struct.pack("ii", 1, 0)


@dataclass
class Direction:
    """What becomes of bytes that go this way. `held`: they wait, and so does the end of the stream."""

    delay_s: float = 0.0
    bytes_per_s: float | None = None
    held: bool = False
    cut_after: int | None = None


@dataclass(eq=False)
class Connection:
    """The two sockets of one connection, and what shall end it."""

    client: socket.socket
    server: socket.socket
    #: Done when the server's side, and when all of it, is to be reset.
    forgotten: asyncio.Future[None]
    over: asyncio.Future[None]


class FaultyNetwork:
    """The proxy. As a context manager it listens, and at the end resets everything that is left."""

    def __init__(self, host: str | Path, port: int = 0) -> None:
        """The server that it stands before."""
        self._target = host if isinstance(host, Path) else (host, port)
        self.up, self.down = Direction(), Direction()
        self.refusing = False
        self.lifetime_s: Callable[[], float] | None = None
        #: Connections that were taken so far.
        self.taken = 0
        self.host, self.port = "127.0.0.1", 0
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, 0), backlog=4096)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._thread.start()
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._accepting.cancel()
        with suppress(CancelledError):
            self._accepting.result()
        asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    @property
    def connections(self) -> int:
        """How many pass through now."""
        return len(self._connections)

    def hold(self) -> None:
        """A black hole in both directions."""
        self.up.held = self.down.held = True

    def release(self) -> None:
        """What was held goes on, as a network does that is there again."""
        self.up.held = self.down.held = False

    def reset(self) -> int:
        """End all connections by RST on both sides; how many there were."""
        return asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result()

    def forget_clients(self) -> None:
        """Half-open: the server's side of each connection is reset, the client's stays and hears nothing any more."""

        async def forget() -> None:
            for connection in self._connections:
                _settle(connection.forgotten)

        asyncio.run_coroutine_threadsafe(forget(), self._loop).result()

    # In the thread

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self.taken += 1
            client.setblocking(False)
            if self.refusing:
                _reset(client)
                continue
            server = socket.socket(socket.AF_UNIX if isinstance(self._target, Path) else socket.AF_INET)
            server.setblocking(False)
            connection = Connection(client, server, self._loop.create_future(), self._loop.create_future())
            self._connections[connection] = self._loop.create_task(self._serve(connection))

    async def _serve(self, connection: Connection) -> None:
        """Pass everything on in both directions until both have ended, or something has gone wrong."""
        if self.lifetime_s is not None:
            self._loop.call_later(self.lifetime_s(), _settle, connection.over)
        passing = self._loop.create_task(self._pass_both(connection))
        await asyncio.wait((passing, connection.forgotten, connection.over), return_when=asyncio.FIRST_COMPLETED)
        passing.cancel()  # before its sockets are closed: the loop must not watch a closed one
        await asyncio.gather(passing, return_exceptions=True)
        _reset(connection.server)
        if connection.forgotten.done():
            await connection.over
        _reset(connection.client)
        del self._connections[connection]

    async def _pass_both(self, connection: Connection) -> None:
        client, server = connection.client, connection.server
        await self._loop.sock_connect(server, str(self._target) if isinstance(self._target, Path) else self._target)
        for side in (client, server):
            if side.family == socket.AF_INET:
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pass(client, server, self.up))
            both.create_task(self._pass(server, client, self.down))

    async def _pass(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        passed, cut_after = 0, direction.cut_after
        while True:
            rate = direction.bytes_per_s
            chunk = await self._loop.sock_recv(source, CHUNK if rate is None else max(1, min(CHUNK, int(rate / 10))))
            if wait := direction.delay_s + (len(chunk) / rate if rate else 0.0):
                await asyncio.sleep(wait)
            while direction.held:  # noqa: ASYNC110  any thread may let it go on
                await asyncio.sleep(LOOK_EVERY)
            if cut_after is not None and passed + len(chunk) >= cut_after:
                await self._loop.sock_sendall(sink, chunk[: cut_after - passed])
                raise ConnectionResetError
            if not chunk:
                sink.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(sink, chunk)
            passed += len(chunk)

    async def _reset(self) -> int:
        ending = dict(self._connections)
        for connection in ending:
            _settle(connection.over)
        await asyncio.gather(*ending.values())
        return len(ending)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _reset(side: socket.socket) -> None:
    """End it by RST instead of FIN."""
    with suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    side.close()
