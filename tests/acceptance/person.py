"""One who reads and posts as the page does: he comes back with jitter and his cursor, and sends again."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from tests.acceptance.clients import View
from tests.acceptance.line import Line
from tests.waiting import DEADLINE_S

#: As the page has them, in seconds.
FIRST_CEILING, LAST_CEILING, STEADY_AFTER = 0.5, 30.0, 10.0
GREETED_WITHIN, QUIET, PONG_WITHIN = 15.0, 25.0, 10.0
#: After so many seconds a message is sent again: without an answer, and after a refusal for now.
ANSWER_WITHIN, AGAIN_AFTER = 5.0, 1.0
#: Close codes after which nobody comes back.
FINAL = {4401, 4403, 4404}
#: Refusals after which a message is sent again.
FOR_NOW = {"rate", "unavailable", "unknown"}


class Place(Protocol):
    """Where to connect."""

    host: str
    port: int


def full_jitter(away_s: float) -> float:
    """Seconds until the next attempt, as the page waits: up to as long again as it has been away."""
    return random.random() * min(LAST_CEILING, max(FIRST_CEILING, away_s))


class Person:
    """One who reads and posts. `view` is what he has; it is he who keeps the connection."""

    def __init__(self, place: Place, room: str, cookie: str, name: str, pause: Callable[[float], float]) -> None:
        """`pause`: seconds before an attempt to come back, by how many he has been away."""
        self.place, self.cookie, self.pause = place, cookie, pause
        self.view = View(name=name, room=room)
        #: What is not acknowledged yet, by client_id, with the future of its end.
        self.unsent: dict[str, tuple[dict[str, Any], asyncio.Future[int]]] = {}
        #: Refusals that are final, as they came.
        self.refused: list[dict[str, Any]] = []
        #: How often he was let in.
        self.entries = 0
        self.live = asyncio.Event()
        #: Called with each message that comes live, or as an answer, and when it came (`time.perf_counter`).
        self.heard: Callable[[dict[str, Any], float], None] | None = None
        self._line: Line | None = None
        self._closed = asyncio.Event()
        #: When he was cut off, if he has not been in for long since; `time.monotonic`.
        self._away_since: float | None = None
        self._task = asyncio.get_running_loop().create_task(self._live())

    async def post(self, text: str, client_id: str = "") -> int:
        """Post until it is acknowledged; its number. RuntimeError if it is refused for good."""
        client_id = client_id or secrets.token_hex(8)
        frame = {"type": "send", "message": text, "client_id": client_id}
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.unsent[client_id] = frame, done
        while not done.done():
            self.send(frame)
            await asyncio.wait([done], timeout=ANSWER_WITHIN)
        return done.result()

    def send(self, frame: dict[str, Any]) -> None:
        """Send any frame, if he is in."""
        if self._line is not None and self.live.is_set():
            self._line.send(frame)

    async def until_entered(self, times: int) -> None:
        """Wait until he was let in so many times."""
        async with asyncio.timeout(DEADLINE_S * 3):
            while self.entries < times:  # noqa: ASYNC110  he does not stop for those who count
                await asyncio.sleep(0.01)

    async def leave(self) -> None:
        """Go, and do not come back."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._part()

    async def _live(self) -> None:
        while True:
            self._closed.clear()
            if await self._enter():
                await self._stay()
            if self._part() in FINAL:
                return
            now = time.monotonic()
            self._away_since = self._away_since or now
            await asyncio.sleep(self.pause(now - self._away_since))

    async def _enter(self) -> bool:
        path = f"/ws/chat/{self.view.room}/?v=1"
        self._line = Line(self.place.host, self.place.port, path, self.cookie, self._take, self._end)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(GREETED_WITHIN):
                await self._line.open()
                self._line.send({**self.view.hello, "limit": 5000})
                waits = [asyncio.ensure_future(event.wait()) for event in (self.live, self._closed)]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
        return self.live.is_set() and not self._closed.is_set()

    async def _stay(self) -> None:
        """Until the connection has ended, or says nothing any more although it is asked."""
        line, entered = self._line, time.monotonic()
        assert line is not None
        for frame, _ in list(self.unsent.values()):
            line.send(frame)
        while not self._closed.is_set():
            heard = line.heard_at
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), QUIET)
            if time.monotonic() - entered > STEADY_AFTER:
                self._away_since = None
            if line.heard_at == heard and not self._closed.is_set():
                line.send({"type": "ping"})
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), PONG_WITHIN)
                if line.heard_at == heard:
                    return

    def _part(self) -> int | None:
        """Let go of the connection; the close code, if it was ended by the other side."""
        line, self._line = self._line, None
        self.view.here = False
        self.live.clear()
        if line is None:
            return None
        line.abort()
        return line.closed

    def _end(self, code: int) -> None:
        self.view.here = False
        self.view.closes.append(code)
        self.live.clear()
        self._closed.set()

    def _take(self, frame: dict[str, Any], now: float) -> None:
        kind = frame["type"]
        if kind == "open":
            self.view.here = True
            self.entries += 1
            self.live.set()
        self.view.take(frame)
        if kind in ("sent", "error"):
            self._answered(frame)
        if self.heard is not None and kind in ("message", "sent"):
            self.heard(frame, now)

    def _answered(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "error" and frame["code"] in FOR_NOW:
            wait = frame.get("retry_after") or AGAIN_AFTER
            asyncio.get_running_loop().call_later(wait, self._send_again, frame["client_id"])
            return
        _, done = self.unsent.pop(frame["client_id"], (None, None))
        if frame["type"] == "error":
            self.refused.append(frame)
            if done is not None:
                done.set_exception(RuntimeError(str(frame)))
        elif done is not None:
            done.set_result(frame["seq"])

    def _send_again(self, client_id: str) -> None:
        if client_id in self.unsent:
            self.send(self.unsent[client_id][0])
