"""Listening: one channel in the groups of all rooms that somebody in this process follows, and in everybody's.

A server also answers probes, by which `bell.probing` finds out that rings reach it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from chatcore.bell.layer import (
    ALL,
    ECHO,
    LONGEST_QUIET,
    NUDGE,
    PATIENCE,
    PROBE,
    QUIET,
    RING,
    VERSION,
    WHISPER,
    Batch,
    Layer,
    channel_layer,
    configured,
    group_name,
    line,
)

logger = logging.getLogger(__name__)

#: Seconds after a message that could not be read, so that a layer that only fails costs nothing.
_AFTER_FAILURE = 0.01
#: So many probes are answered at once; who asks gets no answer to more and asks again.
_MOST_ECHOES = 10
_LONGEST_NONCE = 100


class Listener:
    """What one process hears: one channel in the groups of all rooms that somebody here follows."""

    def __init__(self, heard: Callable[[Batch], None], whispered: Callable[[int, str, bytes], None]) -> None:
        self._heard = heard
        self._whispered = whispered
        self._wanted: set[int] = set()
        self._joined: set[int] = set()
        self._changed = asyncio.Event()
        self._server: str | None = None
        #: Seconds before the layer is tried again; a failure makes it twice as long.
        self._pause = QUIET / 2
        self._echoes: set[asyncio.Task[None]] = set()
        #: The bell whose rings are known here without the layer.
        self.own: str | None = None
        #: Called when somebody's account, session or standing has changed.
        self.nudged: Callable[[], None] | None = None
        #: Messages that were not ours, by reason.
        self.ignored: Counter[str] = Counter()

    def want(self, room_id: int) -> None:
        """Listen to the room, as soon as the layer lets us."""
        self._wanted.add(room_id)
        self._changed.set()

    def forget(self, room_id: int) -> None:
        """Listen to the room no more."""
        self._wanted.discard(room_id)
        self._changed.set()

    def serve(self, server: str) -> None:
        """Answer probes under this name, and listen for them while nobody here follows a room, too."""
        self._server = server
        self._changed.set()

    @property
    def _needed(self) -> bool:
        return bool(self._wanted) or self._server is not None

    async def run(self) -> None:
        """Listen until cancelled. A layer that fails is tried again, after longer and longer pauses."""
        while True:
            receiving: asyncio.Task[None] | None = None
            try:
                if self._needed and configured():
                    layer = channel_layer()
                    async with asyncio.timeout(PATIENCE):
                        channel = await layer.new_channel()
                    self._joined = set()
                    receiving = asyncio.create_task(self._receive(layer, channel))
                    await self._keep_groups(layer, channel)
            except Exception as error:
                logger.debug("listening failed: %s", line(error))
                self._pause = min(2 * self._pause, LONGEST_QUIET)
            finally:
                if receiving is not None:
                    receiving.cancel()
            await asyncio.sleep(self._pause if self._needed else 0)
            if not self._needed:
                await self._changed.wait()
                self._changed.clear()

    async def _keep_groups(self, layer: Layer, channel: str) -> None:
        """Join and leave groups as rooms are wanted and forgotten."""
        async with asyncio.timeout(PATIENCE):
            await layer.group_add(ALL, channel)
        self._pause = QUIET / 2
        while True:
            self._changed.clear()
            for room_id in self._wanted - self._joined:
                async with asyncio.timeout(PATIENCE):
                    await layer.group_add(group_name(room_id), channel)
                self._joined.add(room_id)
            for room_id in self._joined - self._wanted:
                async with asyncio.timeout(PATIENCE):
                    await layer.group_discard(group_name(room_id), channel)
                self._joined.discard(room_id)
            await self._changed.wait()

    async def _receive(self, layer: Layer, channel: str) -> None:
        """The one receive task: cancelling a receive unsubscribes and can lose the next message."""
        while True:
            try:
                message = await layer.receive(channel)
            except Exception as error:  # a payload that is not even msgpack
                self._ignore("unreadable", error)
                await asyncio.sleep(_AFTER_FAILURE)
                continue
            try:
                self._dispatch(layer, message)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self._ignore("foreign", error)

    def _dispatch(self, layer: Layer, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == RING:
            self._rung(message)
        elif kind == WHISPER:
            if "epoch" not in message:
                self.ignored["version"] += 1  # as of a ring
            elif message["from"] != self.own:
                self._whispered(*_checked_whisper(message))
        elif kind == PROBE:
            self._answer(layer, *_checked_probe(message))
        elif kind == NUDGE:
            if self.nudged is not None:
                self.nudged()
        else:
            raise ValueError("not a ring")

    def _rung(self, message: dict[str, Any]) -> None:
        if message["v"] != VERSION:
            self.ignored["version"] += 1  # of a process that has not been updated yet: the heads tell of its posts
            return
        if message["from"] == self.own:
            return
        for room_id, *ring in message["rings"]:
            if type(room_id) is not int:
                raise ValueError("a ring for no room")
            if room_id in self._wanted:
                self._heard(_checked(room_id, *ring))

    def _answer(self, layer: Layer, channel: str, nonce: str) -> None:
        """A probe's echo, on its way by a task of its own: receiving never waits for sending."""
        if self._server is None or len(self._echoes) >= _MOST_ECHOES:
            return
        echo = {"type": ECHO, "nonce": nonce, "server": self._server, "now": time.time()}
        task = asyncio.get_running_loop().create_task(_send(layer, channel, echo))
        self._echoes.add(task)
        task.add_done_callback(self._echoes.discard)

    def _ignore(self, reason: str, error: Exception) -> None:
        self.ignored[reason] += 1
        if self.ignored[reason] == 1:
            logger.warning("ignored a foreign message to a room's group (%s); use chatcore.post()", line(error))


async def _send(layer: Layer, channel: str, message: dict[str, Any]) -> None:
    """Send if the layer takes it: who waits for it gives up by itself."""
    try:
        async with asyncio.timeout(PATIENCE):
            await layer.send(channel, message)
    except Exception as error:
        logger.debug("a probe was not answered: %s", line(error))


def _checked_probe(message: dict[str, Any]) -> tuple[str, str]:
    """The channel for the echo and what marks it; ValueError for one that cannot be ours."""
    channel, nonce = message["reply"], message["nonce"]
    if type(channel) is not str or type(nonce) is not str or not channel or len(nonce) > _LONGEST_NONCE:
        raise ValueError("a probe of wrong types")
    return channel, nonce


def _checked_whisper(message: dict[str, Any]) -> tuple[int, str, bytes]:
    """Its room, the room's epoch and the payload; ValueError for one that cannot be ours."""
    room_id, epoch, payload = message["room"], message["epoch"], message["frame"]
    if type(room_id) is not int or type(epoch) is not str or type(payload) is not bytes:
        raise ValueError("a whisper of wrong types")
    payload.decode()  # a socket's text
    return room_id, epoch, payload


def _checked(*ring: Any) -> Batch:
    """The ring as a batch; ValueError or TypeError for one that cannot be ours."""
    batch = Batch(*ring)
    if type(batch.prev) is not int or type(batch.head) is not int or not 0 <= batch.prev < batch.head:
        raise ValueError("a ring with wrong numbers")
    if type(batch.epoch) is not str or type(batch.payloads) is not list:
        raise ValueError("a ring of wrong types")
    if batch.payloads and len(batch.payloads) != batch.head - batch.prev:
        raise ValueError("a ring whose events are not those it numbers")
    if not all(type(payload) is bytes for payload in batch.payloads):
        raise ValueError("a ring with frames that are not bytes")
    return batch
