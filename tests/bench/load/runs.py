"""Runs rows on servers, round by round, each run on a server of its own that was just started."""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import building
from tests.bench.load.driving import ClientFailed, Run, idle, load
from tests.bench.load.processes import on_core
from tests.bench.load.rows import Figure, Row
from tests.bench.load.servers import Server

Key = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """What is to be run. The server and its broker have a core, the generator has another; times are seconds."""

    rows: Sequence[Row]
    servers: Sequence[Server]
    rounds: int
    seconds: float
    warmup: float

    @property
    def cores(self) -> tuple[int, int]:
        """The server's and the generator's: the same one where there is no other."""
        able = sorted(os.sched_getaffinity(0))
        return able[-1], able[-2] if len(able) > 1 else able[-1]

    def times(self, row: Row, server: Server) -> tuple[float, float]:
        """The seconds of a run and of its warm-up."""
        slow = row.slow if server.slow else 0
        return max(self.seconds, slow), max(self.warmup, slow / 4)


@dataclass
class Results:
    """What came out, by row and server."""

    runs: dict[Key, list[Run]] = field(default_factory=dict)
    #: What could not be run, and why.
    left_out: dict[str, str] = field(default_factory=dict)
    #: What ours lost, repeated, misplaced or kept wrongly: none, or the bench has failed.
    faults: list[str] = field(default_factory=list)

    def of(self, row: Row, server: str) -> list[Run]:
        return self.runs.get((row.key, server), [])

    def median(self, row: Row, server: str, figure: Figure) -> float | None:
        """Of all rounds; None if there was none."""
        values = [run.figures[figure] for run in self.of(row, server)]
        return statistics.median(values) if values else None


def installed(servers: Sequence[Server], results: Results) -> list[Server]:
    """Those that can run here; the others are noted with the reason."""
    able = []
    for server in servers:
        try:
            server.install()
            able.append(server)
        except building.NotHere as reason:
            results.left_out[server.title] = str(reason)
    return able


def measure(plan: Plan, results: Results, say: Callable[[str], None]) -> None:
    """Fill the results. In each round all servers take their turn, so that a busy machine weighs on all of them."""
    client = building.program("client")
    for row in plan.rows:
        for number in range(1, plan.rounds + 1):
            for server in plan.servers:
                try:
                    run = one(client, plan, row, server, results.faults)
                except (ClientFailed, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as failure:
                    say(f"{row.title}; {server.title}: {failure}")
                    results.left_out[f"{row.title}; {server.title}"] = str(failure)
                    if server.ours:
                        results.faults.append(f"{row.title}; {server.title}: {failure}")
                    continue
                results.runs.setdefault((row.key, server.key), []).append(run)
                shown = ", ".join(f"{figure} {run.figures[figure]:,.4g}" for figure in row.figures)
                say(f"{number}/{plan.rounds} {row.title}; {server.title}: {shown} {run.losses}")


def one(client: Path, plan: Plan, row: Row, server: Server, faults: list[str]) -> Run:
    """One run. What is wrong with ours is added to `faults`."""
    server_core, client_core = plan.cores
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        with on_core(server_core):
            running = stack.enter_context(server.start(folder))
        with on_core(client_core):
            if not row.flight and not row.rate:
                run, sent = idle(client, server, running, row), 0
            else:
                run, sent = load(client, server, running, row, server_core, *plan.times(row, server))
        if server.ours:
            wrong = ([run.losses] if run.losses else []) + running.faults(sent)
            faults.extend(f"{row.title}; {server.title}: {fault}" for fault in wrong)
    return run
