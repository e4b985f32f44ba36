"""Whether this server does its work, by what its threads last saw and when. Asks nothing, waits for nothing."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from chatcore import bell, conf, metrics, workers
from chatcore.bell import Bell
from chatcore.clock import Clock
from chatcore.hub import Hub
from chatcore.writer import Writer

#: Seconds after which what was not seen again counts as lost. The clock reads every second and tries every ten
#: whether it could write; who posts waits five seconds at most.
_READ_WITHIN, _WRITTEN_WITHIN = 15.0, 20.0
_ALIVE_WITHIN = 30.0
_ONE_CALL = 10.0
#: So long a batch that could not be stored counts, if none came after it.
_REMEMBERED = 15.0
#: Seconds between two looks at the event loop, and between two at the layer.
_LOOK_EVERY, _RING_EVERY = 0.5, 10.0
#: Seconds after which a task is cancelled again: Python 3.11's `wait_for`, with which redis-py sends, may swallow it.
_CANCEL_AGAIN = 0.05

Part = dict[str, Any]


@dataclass(frozen=True)
class Parts:
    """What one server's live chat is made of."""

    hub: Hub
    writer: Writer
    clock: Clock
    bell: Bell


class Pulse:
    """A task in the event loop that measures how late the loop is, and rings nobody, so that what is known of the
    layer is fresh."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End."""
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_CANCEL_AGAIN)

    async def _run(self) -> None:
        rung = 0.0
        while True:
            began = time.monotonic()
            await asyncio.sleep(_LOOK_EVERY)
            now = time.monotonic()
            metrics.loop_lag.observe(max(0.0, now - began - _LOOK_EVERY))
            if now - rung >= _RING_EVERY:
                rung = now
                await self._bell.check()


class Health:
    """What `/healthz` says. `draining` is set when the server begins to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.draining = False

    def report(self, now: float) -> tuple[bool, dict[str, Any]]:
        """Whether the server should get work, and why (not): each part with `ok` and, where something is seen again
        and again, the `age` in seconds of the latest time. No reasons: those are in the log, and this is for anybody.
        `now` is of `time.monotonic`.

        A layer that fails does not matter much, because the log delivers: then the status is "degraded".
        """
        parts = {
            "database": self._database(now),
            "clock": _thread(self._parts.clock.alive, now - self._parts.clock.beat),
            "lookout": _thread(self._parts.hub.lookout.alive, now - self._parts.hub.lookout.beat),
            "writer": self._writer(now),
        }
        layer = self._layer()
        works = all(part["ok"] for part in parts.values())
        status = "draining" if self.draining else "failing" if not works else "degraded" if layer == "failing" else "ok"
        report: dict[str, Any] = {"status": status, **parts, "layer": layer}
        if (own := workers.own()) is not None:
            report["worker"] = own.number
        return works and not self.draining, report

    def _database(self, now: float) -> Part:
        read, written = now - self._parts.clock.read_at, now - self._parts.clock.wrote_at
        busy = _busy(self._parts.hub.lookout.reader.busy_since, now)
        ok = read < _READ_WITHIN and written < _WRITTEN_WITHIN and busy < _ONE_CALL
        return {"ok": ok, "read": {"age": _seconds(read)}, "write": {"age": _seconds(written)}}

    def _writer(self, now: float) -> Part:
        busy, failed_at = _busy(self._parts.writer.busy_since, now), self._parts.writer.failed_at
        failing = failed_at is not None and now - failed_at < _REMEMBERED
        return {"ok": busy < _ONE_CALL and not failing, "busy": _seconds(busy)}

    def _layer(self) -> str:
        if self._parts.bell.failing:
            return "failing"
        if bell.configured():
            return "ok"
        return "none" if conf.settings.BROKER_SOCKET is None else "failing"


def _thread(alive: bool, age: float) -> Part:
    return {"ok": alive and age < _ALIVE_WITHIN, "age": _seconds(age)}


def _busy(since: float | None, now: float) -> float:
    """For how long a thread has been at one call."""
    return 0.0 if since is None else now - since


def _seconds(value: float) -> float:
    return round(max(0.0, value), 3)
