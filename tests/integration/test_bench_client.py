"""`chat_bench`: what a client tells of its connection's end, whenever it is asked to leave."""

import asyncio
import os

from asgiref.sync import async_to_sync
from websockets.asyncio.server import ServerConnection, serve

from chatcli.bench.client import Client
from chatcli.bench.frames import Frame, Texts
from chatcli.bench.measures import View
from chatcli.bench.targets import Target

CLOSE_1012 = b"\x88\x02\x03\xf4"


class Counting:
    """Keeps what it is told of connections that have ended."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def delivered(self, frame: Frame, now: float) -> None:
        raise AssertionError(frame)

    def answered(self, frame: Frame) -> None:
        raise AssertionError(frame)

    def gone(self, client: Client, code: int) -> None:
        self.codes.append(code)


async def goes_away(socket: ServerConnection) -> None:
    """Lets somebody in, and closes with 1012 a moment later."""
    await socket.recv()
    await socket.send('{"type": "open"}')
    socket.transport.write(CLOSE_1012)
    await socket.wait_closed()


@async_to_sync
async def left(patiently: bool) -> list[int]:
    """What was told when the client leaves at once after the close frame, or once the connection has ended."""
    audience = Counting()
    async with serve(goes_away, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        target = Target([os.getpid()], f"ws://127.0.0.1:{port}/", "127.0.0.1", port, None)
        client = Client(target, "", View(0, 0), Texts(), audience)
        await client.join("epoch")
        while client.closed is None if patiently else client.is_open:  # noqa: ASYNC110  a turn is as near as one can get
            await asyncio.sleep(0)
        await client.leave()
        while client.closed is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return audience.codes


def test_a_close_by_the_server_is_told_once_also_by_who_leaves_in_that_moment() -> None:
    assert left(patiently=False) == [1012]
    assert left(patiently=True) == [1012]
