"""What a message costs whom, the server, the broker, the database: on SQLite with the embedded broker, and on
PostgreSQL and Valkey with 1, 2 and 4 worker processes: `make bench`. `--quick`: shorter.

Prints Markdown tables. Where two cores carry all of it and the generator, the rates of several workers say little:
processor time does, by /proc of all processes of each part.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.postgresql import PostgreSQL
from tests.acceptance.site import ChatSite
from tests.acceptance.valkeys import OwnValkey
from tests.bench import engines
from tests.bench.load import building, driving, ours
from tests.bench.load.processes import cpu_seconds, family
from tests.bench.load.rows import Row
from tests.bench.load.servers import SERVERS

#: Messages without anybody else to have them, then deliveries, nearly without messages.
MESSAGES = Row("messages", "100 rooms of 1, 1 in flight in each", ("messages",), 100, rooms=100, flight=1)
DELIVERIES = Row("deliveries", "one room, 200 sockets, 8 in flight", ("deliveries",), 200, flight=8)
IDLE = 2000
IDLE_S = 5.0
PARTS = ("server", "broker", "database")


@dataclass
class Setup:
    """A running site and the processes that each part of it has, with all that descend from them."""

    title: str
    site: ChatSite
    cookies: Path
    database: int | None = None
    broker: int | None = None
    #: Of the next message: no two runs on one database may use the same.
    next_id: int = field(default=1)

    def cpu(self) -> dict[str, float]:
        """Seconds that each part has used so far."""
        assert self.site.process is not None
        broker = self.broker or self.site.broker_pid()
        server = set(family([self.site.process.pid])) - {broker}
        database = family([self.database]) if self.database else []
        return {"server": cpu_seconds(server), "broker": cpu_seconds([broker]), "database": cpu_seconds(database)}


@dataclass
class Run:
    """Of one load: messages and deliveries a second, and the seconds of processor time a second of each part."""

    messages: float
    deliveries: float
    cpu: dict[str, float]
    p99_ms: float


def filled(site: ChatSite) -> Path:
    """Its accounts and rooms are made; the file of their cookies."""
    for arguments in (("migrate", "-v0"), ("shell", "-v0", "-c", ours.MAKE_ROOMS)):
        done = site.manage(*arguments, timeout=ours.MAKE_S)
        assert done.returncode == 0, done.stderr
    path = site.var_dir / "cookies"
    path.write_text("\n".join(site.sign_in(*(f"person{number}" for number in range(ours.ACCOUNTS)))) + "\n")
    return path


@contextmanager
def sqlite() -> Iterator[Setup]:
    site = ChatSite(ours.ENV)
    try:
        cookies = filled(site)
        site.start()
        yield Setup("SQLite, embedded Valkey, 1 process", site, cookies)
    finally:
        site.close()


@contextmanager
def on_servers(database: PostgreSQL, broker: OwnValkey, site: ChatSite, workers: int) -> Iterator[Setup]:
    """The same data each time, with so many workers."""
    site.arguments = [f"--workers={workers}"] if workers > 1 else []
    site.start()
    try:
        title = f"PostgreSQL, Valkey, {workers} process{'es' if workers > 1 else ''}"
        yield Setup(title, site, site.var_dir / "cookies", database.pid, broker.pid)
    finally:
        site.stop()


def measured(program: Path, setup: Setup, row: Row, seconds: float) -> Run:
    """One load. AssertionError for a message that is lost, repeated or misplaced."""
    assert setup.site.process is not None
    running = ours.Running(setup.site.port, setup.site.process.pid)
    running.cookies = setup.cookies
    used: dict[str, dict[str, float]] = {}

    def note(word: str) -> None:
        used[word] = setup.cpu()

    times = ("--seconds", seconds, "--warmup", 1, "--patience", driving.PATIENCE_S, "--ids-from", setup.next_id)
    command = driving.arguments(program, SERVERS["ours"], running, row, "--flight", row.flight, *times)
    found = driving.client(command, note, seconds + driving.SPARE_S)
    setup.next_id += found["sent"]
    faults = {name: found[name] for name in ("lost", "repeated", "misplaced", "timeouts", "closed") if found[name]}
    assert not faults, f"{setup.title}: {faults}"
    seconds = found["seconds"]
    cpu = {part: (used["end"][part] - used["begin"][part]) / seconds for part in PARTS}
    return Run(found["messages"] / seconds, found["deliveries"] / seconds, cpu, found.get("p99_ms", 0.0))


def idle(program: Path, setup: Setup) -> str:
    """What sockets cost that only wait: memory, and the server's processor time while nothing is said."""
    assert setup.site.process is not None
    running = ours.Running(setup.site.port, setup.site.process.pid)
    running.cookies = setup.cookies
    found: list[str] = []
    before = driving.settled(running)

    def note(word: str) -> None:
        if word == "open":
            grown = (driving.settled(running) - before) / IDLE / 1000
            share = engines.share(lambda: setup.cpu()["server"], IDLE_S)
            found.append(f"| {setup.title} | {grown:.1f} kB | {100 * share:.1f} % of a core |")

    row = Row("idle", "", ("memory",), IDLE, rooms=ours.ROOMS)
    driving.client(driving.arguments(program, SERVERS["ours"], running, row, "--hold"), note, driving.SPARE_S)
    return found[0]


def costs(run: Run, messages: Run | None = None) -> str:
    """Microseconds of each part for a message; or for a delivery, without what the messages among them cost."""
    cells = []
    for part in PARTS:
        used, count = run.cpu[part], run.messages
        if messages is not None:
            used, count = used - run.messages * messages.cpu[part] / messages.messages, run.deliveries
        cells.append(f"{max(0.0, 1e6 * used / count):.3g}")
    return ", ".join(cells)


def line(program: Path, setup: Setup, seconds: float) -> str:
    messages = measured(program, setup, MESSAGES, seconds)
    deliveries = measured(program, setup, DELIVERIES, seconds)
    return (
        f"| {setup.title} | {messages.messages:,.0f} | {costs(messages)} | {messages.p99_ms:.0f} "
        f"| {deliveries.deliveries:,.0f} | {costs(deliveries, messages)} |"
    )


def main(print: Callable[..., None] = print) -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three seconds a load instead of ten")
    seconds = 3.0 if parser.parse_args().quick else 10.0
    program, idling = building.program("client"), []
    print(f"| | messages/s ({MESSAGES.title}) | us a message: {', '.join(PARTS)} | p99 ms ", end="")
    print(f"| deliveries/s ({DELIVERIES.title}) | us a delivery: {', '.join(PARTS)} |\n|---|---|---|---|---|---|")
    with sqlite() as setup:
        print(line(program, setup, seconds), flush=True)
        idling.append(idle(program, setup))
    with ExitStack() as stack:
        database, broker = stack.enter_context(PostgreSQL()), stack.enter_context(OwnValkey())
        site = ChatSite(ours.ENV | {"DATABASE_URL": database.url, "CHAT_REDIS_URL": broker.url})
        stack.callback(site.close)
        filled(site)
        next_id = 1
        for workers in (1, 2, 4):
            with on_servers(database, broker, site, workers) as setup:
                setup.next_id = next_id
                print(line(program, setup, seconds), flush=True)
                next_id = setup.next_id
                if workers < 4:
                    idling.append(idle(program, setup))
        print(f"\n| {IDLE:,} idle sockets in {ours.ROOMS} rooms | memory each | server |\n|---|---|---|")
        print("\n".join(idling))
        print("\n" + engines.table(database, broker, seconds))


if __name__ == "__main__":
    main()
