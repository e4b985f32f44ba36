"""A server before a real one, not to be trusted: for each client it loses, repeats and swaps messages."""

import asyncio
import json
import os
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Data

from chatcli.server_record import read_live, write_locked
from tests.acceptance.site import ChatSite


class LossyServer:
    """In a thread of its own, announced as a server of the site's data. The third message is lost, the fifth comes
    twice, the eighth before the seventh."""

    def __init__(self, site: ChatSite) -> None:
        self._site = site
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.clients = 0

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        record = read_live(self._site.var_dir / "server.json")
        assert record is not None
        self._path = self._site.var_dir / "server-lossy.json"
        self._lock = write_locked(self._path, replace(record, address=f"http://127.0.0.1:{port}/"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink()
        os.close(self._lock)
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> int:
        self._server = await serve(self._pass_on, "127.0.0.1", 0)
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass_on(self, client: ServerConnection) -> None:
        self.clients += 1
        assert client.request is not None
        address = f"ws://{self._site.host}:{self._site.port}{client.request.path}"
        async with connect(address, additional_headers={"Cookie": client.request.headers["Cookie"]}) as server:
            up = asyncio.create_task(_pass_all(client, server))
            spoilt = Spoilt()
            try:
                async for frame in server:
                    for passed in spoilt(frame):
                        await client.send(passed)
            except ConnectionClosed:
                pass
            finally:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)


async def _pass_all(client: ServerConnection, server: ClientConnection) -> None:
    """What the client sends, and its end."""
    async for frame in client:
        await server.send(frame)
    await server.close()


class Spoilt:
    """What becomes of one client's frames."""

    def __init__(self) -> None:
        self._messages = 0
        self._held: list[Data] = []

    def __call__(self, frame: Data) -> list[Data]:
        """What is passed on for this frame."""
        if json.loads(frame)["type"] != "message":
            return [frame]
        self._messages += 1
        if self._messages == 3:
            return []
        if self._messages == 5:
            return [frame, frame]
        if self._messages == 7:
            self._held.append(frame)
            return []
        held, self._held = self._held, []
        return [frame, *held]
