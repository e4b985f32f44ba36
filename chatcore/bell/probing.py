"""Probing: whether what is rung reaches every server, and how long it takes there and back."""

import asyncio
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from chatcore.bell.layer import ALL, ECHO, PATIENCE, PROBE, Layer, channel_layer

#: The first probe also opens connections, here and there: the quickest is what a ring takes. And as a layer may lose
#: a message, and does while it reconnects, a server is deaf only if it answers none of them.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Echo:
    """A server's answer: its quickest way there and back, and how far its clock is ahead of ours, in seconds."""

    server: str
    round_trip: float
    ahead: float


async def probe(servers: Collection[str]) -> dict[str, Echo]:
    """The echoes by server (`hostname:pid`): of these servers, and of others that are as quick.

    Raises whatever the layer does when it fails, TimeoutError when it takes too long. Servers that are
    silent cost `PATIENCE` seconds a round, several no more than one.
    """
    layer = channel_layer()
    async with asyncio.timeout(PATIENCE):
        channel = await layer.new_channel()
    echoes: dict[str, Echo] = {}
    receiving = _Receiving(layer, channel)
    try:
        for _ in range(_ROUNDS):
            for echo in await receiving.round(servers):
                best = echoes.get(echo.server)
                if best is None or echo.round_trip < best.round_trip:
                    echoes[echo.server] = echo
    finally:
        await receiving.close()
    return echoes


class _Receiving:
    """One receive task for all rounds: cancelling a receive unsubscribes."""

    def __init__(self, layer: Layer, channel: str) -> None:
        self._layer, self._channel = layer, channel
        self._heard: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self.task = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            self._heard.put_nowait((time.perf_counter(), message))

    async def close(self) -> None:
        """Receive no more; why a layer failed is told by what it did not bring."""
        self.task.cancel()
        await asyncio.wait([self.task], timeout=PATIENCE)
        if self.task.done() and not self.task.cancelled():
            self.task.exception()

    async def round(self, servers: Collection[str]) -> list[Echo]:
        """Ask everybody once; the echoes as soon as all of these servers' are there, or after a while."""
        nonce, silent, echoes = uuid.uuid4().hex, set(servers), list[Echo]()
        began, at = time.perf_counter(), time.time()
        async with asyncio.timeout(PATIENCE):
            await self._layer.group_send(ALL, {"type": PROBE, "reply": self._channel, "nonce": nonce})
        try:
            async with asyncio.timeout(PATIENCE):
                while silent:
                    came, message = await self._heard.get()
                    if (echo := _echo(message, nonce, came - began, at)) is not None:
                        echoes.append(echo)
                        silent.discard(echo.server)
        except TimeoutError:
            pass  # of those that are left
        return echoes


def _echo(message: dict[str, Any], nonce: str, seconds: float, at: float) -> Echo | None:
    """The message as an echo of that probe, which was sent at that time; None for anything else."""
    server, now = message.get("server"), message.get("now")
    if message.get("type") != ECHO or message.get("nonce") != nonce:
        return None
    if type(server) is not str or type(now) is not float:
        return None
    return Echo(server, seconds, now - (at + seconds / 2))
