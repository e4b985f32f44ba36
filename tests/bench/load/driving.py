"""One run of the load client against one server: what it prints, and what the server's processes use meanwhile."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load import processes
from tests.bench.load.ours import Running
from tests.bench.load.rows import Figure, Row
from tests.bench.load.servers import Server

#: How long the client may take beside its window: it connects for at most 120 s and waits 10 s for what is missing.
SPARE_S = 150.0
#: Messages of a slow server are waited for, not sent again: its closed loop would not be one any more.
PATIENCE_S = 60.0
SETTLE_S = 15.0
FEW = 20


class ClientFailed(Exception):
    """The client could not do its run. The text says why."""


@dataclass
class Run:
    """What one run showed. CPU shares are of one core; `lost` and the like count the whole run, warm-up included."""

    figures: dict[Figure, float]
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    #: What others took of the server's core.
    other_cpu: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def losses(self) -> str:
        """In words; empty if every socket had every message once and in order."""
        return ", ".join(f"{name} {count:,}" for name, count in self.counts.items() if count)


def load(
    program: Path, server: Server, running: Running, row: Row, core: int, seconds: float, warmup: float
) -> tuple[Run, int]:
    """A closed or open loop: the run, and how many messages were sent in all. Raises ClientFailed.

    `core`: the server's.
    """
    way = ("--rate", row.rate) if row.rate else ("--flight", row.flight)
    times = ("--seconds", seconds, "--warmup", warmup, "--patience", PATIENCE_S)
    pids: list[int] = []
    used: dict[str, tuple[float, float]] = {}

    def note(word: str) -> None:
        if word == "open":
            pids.extend(processes.family(running.roots))
        else:
            used[word] = processes.cpu_seconds(pids), processes.busy_seconds(core)

    found = client(arguments(program, server, running, row, *way, *times), note, seconds + warmup + SPARE_S)
    seconds = found["seconds"]
    cpu, busy = (end - begin for begin, end in zip(used["begin"], used["end"], strict=True))
    figures: dict[Figure, float] = {
        "deliveries": found["deliveries"] / seconds,
        "messages": found["messages"] / seconds,
        "p50": found.get("p50_ms", float("inf")),
        "p99": found.get("p99_ms", float("inf")),
    }
    counts = {name: found[name] for name in ("lost", "repeated", "misplaced", "timeouts", "closed")}
    shares = cpu / seconds, found["client_busy_seconds"] / seconds, max(0, busy - cpu) / seconds
    return Run(figures, *shares, counts), found["sent"]


def idle(program: Path, server: Server, running: Running, row: Row) -> Run:
    """Sockets that only wait: what each takes of the server's memory, in kB. Raises ClientFailed."""
    sizes: list[float] = []
    for few in (FEW, row.sockets):  # the first ones pay for what is loaded only once

        def note(word: str) -> None:
            sizes.append(settled(running))

        before = settled(running)
        client(arguments(program, server, running, row, "--hold", sockets=few), note, SPARE_S)
    return Run({"memory": (sizes[-1] - before) / row.sockets / 1000})


def settled(running: Running) -> float:
    """Bytes of memory once they stay the same for a second, to a part in a thousand."""
    deadline = time.monotonic() + SETTLE_S
    last = processes.memory_bytes(processes.family(running.roots))
    while True:
        time.sleep(1)
        size = processes.memory_bytes(processes.family(running.roots))
        if abs(size - last) < size / 1000 or time.monotonic() > deadline:
            return size
        last = size


def arguments(
    program: Path, server: Server, running: Running, row: Row, *more: object, sockets: int | None = None
) -> list[str]:
    """The client's command line."""
    words: list[object] = [program, "--port", running.port, "--dialect", server.dialect, "--path", server.path]
    words += ["--sockets", sockets or row.sockets, "--rooms", row.rooms, *more]
    if running.cookies:
        words += ["--cookies", running.cookies]
    return [str(word) for word in words]


def client(command: Sequence[str], note: Callable[[str], None], timeout: float) -> dict[str, Any]:
    """Run it to its end. `note` is called with `open`, `begin` and `end` as they come; what it found at last, if any.

    Sockets that are only held are let go when `open` was noted.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    found: dict[str, Any] = {}
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.startswith("{"):
                found = json.loads(line)
            else:
                note(line.split()[0])
            if line.startswith("open"):
                process.stdin.close()
        if process.wait():
            reason = process.stderr.read().strip() or f"it was ended after {timeout:g} s"
            raise ClientFailed(reason[:500])
        return found
    finally:
        timer.cancel()
        process.kill()
        process.wait()
