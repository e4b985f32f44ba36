"""POST with an answer once it is on disk, against the synchronous view of `view`: requests a second, times, CPU."""

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.site import ChatSite
from tests.bench.http.generator import Asking, Load
from tests.bench.load import processes
from tests.bench.load.ours import ENV
from tests.bench.load.servers import broker, listening
from tests.waiting import DEADLINE_S

FLIGHTS = (1, 8, 32)
ROUNDS, SECONDS, WARM_UP = 3, 4.0, 1.0


@dataclass
class Server:
    """It takes posts: how, and how many messages its database has."""

    port: int
    roots: tuple[int, ...]
    head: bytes
    database: Path
    table: str

    def stored(self) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0])


@dataclass
class Run:
    """Requests a second; seconds at the 50th and 99th percentile; the servers' CPU seconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


Start = Callable[[], AbstractContextManager[Server]]


@contextmanager
def ours() -> Iterator[Server]:
    """`runchat`, and a token that may write into the room."""
    with ChatSite(env=ENV) as site:
        site.manage("create_room", "bench")
        made = site.manage("chat_token", "create", "bench", "--room", "bench")
        assert made.returncode == 0, made.stderr
        assert site.process is not None
        head = f"Authorization: Bearer {made.stdout.strip()}\r\nContent-Type: application/json"
        start = f"POST /api/rooms/bench/messages HTTP/1.1\r\nHost: {site.host}:{site.port}\r\n{head}"
        database = site.var_dir / "chat.sqlite3"
        yield Server(site.port, (site.process.pid,), start.encode(), database, "chatcore_message")
        assert "Traceback" not in site.stderr, site.stderr


@contextmanager
def view() -> Iterator[Server]:
    """Daphne with the view, and a broker for its layer."""
    command = [sys.executable, "-m", "daphne", "-v", "0", "tests.bench.http.view:application", "-p"]
    with tempfile.TemporaryDirectory(prefix="chat-") as name, broker(Path(name)) as (url, pid):
        folder = Path(name)
        with listening(command, folder, {"VIEW_FOLDER": name, "VIEW_REDIS": url}, pid) as running:
            head = "Host: localhost\r\nContent-Type: application/json"
            start = f"POST /rooms/bench/messages HTTP/1.1\r\n{head}".encode()
            yield Server(running.port, running.roots, start, folder / "view.sqlite3", "view_message")


SERVERS: dict[str, Start] = {"Roomline": ours, "view": view}


def main(quick: bool) -> None:
    """The table."""
    rounds, seconds = (1, 2.0) if quick else (ROUNDS, SECONDS)
    runs: dict[tuple[str, int], list[Run]] = {}
    for _ in range(rounds):
        for name, start in SERVERS.items():
            with processes.on_core(1), start() as server, processes.on_core(0):
                for flight in FLIGHTS:
                    runs.setdefault((name, flight), []).append(asyncio.run(run(server, flight, seconds)))
    print("| POST, answered when it is on disk | Roomline | synchronous view | ratio |\n|---|---|---|---|")  # noqa: T201
    for flight in FLIGHTS:
        one, other = (median(runs[name, flight]) for name in SERVERS)
        print(f"| {flight} in flight | {words(one)} | {words(other)} | {one.rate / other.rate:.1f} |")  # noqa: T201


async def run(server: Server, flight: int, seconds: float) -> Run:
    """So many at a time for so long. What was sent must be in the database."""
    before, load = server.stored(), Load(server.head)
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Asking(load), "127.0.0.1", server.port) for _ in range(flight)]
    await asyncio.sleep(WARM_UP)
    pids = processes.family(server.roots)
    used, start, load.counting = processes.cpu_seconds(pids), time.perf_counter(), True
    await asyncio.sleep(seconds)
    load.counting = load.going = False
    took, used = time.perf_counter() - start, processes.cpu_seconds(pids) - used
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(protocol.ended for _, protocol in made))
    assert not load.failed, load.failed[0]
    assert server.stored() - before == load.sent, "what was answered is not what is stored"
    p99 = statistics.quantiles(load.times, n=100)[98]
    return Run(len(load.times) / took, statistics.median(load.times), p99, used / len(load.times))


def median(runs: list[Run]) -> Run:
    """Of each figure."""
    return Run(*(statistics.median(getattr(one, name) for one in runs) for name in ("rate", "p50", "p99", "cpu")))


def words(run: Run) -> str:
    return f"{run.rate:,.0f}/s, p50 {run.p50 * 1000:.1f} ms, p99 {run.p99 * 1000:.1f} ms, {run.cpu * 1e6:,.0f} us"
