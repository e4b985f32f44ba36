"""What the engines alone can: rings a second of a Valkey, commits a second of a PostgreSQL, by their processor time."""

import threading
import time
from collections.abc import Callable

import redis

from tests.acceptance.postgresql import PostgreSQL
from tests.acceptance.valkeys import OwnValkey
from tests.bench.load.processes import cpu_seconds, family

#: Bytes of a ring with one message; rings that are sent in one write.
RING, AT_ONCE = 700, 50
SUBSCRIBERS = (1, 4, 16)
CONNECTIONS = (1, 4)
COMMIT = "INSERT INTO bench (room, text) VALUES (%s, %s)"


def share(used: Callable[[], float], seconds: float) -> float:
    """Which part of a core was used over so many seconds."""
    before, began = used(), time.monotonic()
    time.sleep(seconds)
    return (used() - before) / (time.monotonic() - began)


def table(database: PostgreSQL, broker: OwnValkey, seconds: float) -> str:
    """As Markdown."""
    lines = ["| the engine alone | a second | us of its processor | a second on one core |", "|---|---|---|---|"]
    for count in SUBSCRIBERS:
        lines.append(row(f"rings to {count} servers", *rings(broker, count, seconds)))
    for count in CONNECTIONS:
        lines.append(row(f"commits on {count} connections", *commits(database, count, seconds)))
    return "\n".join(lines)


def row(what: str, count: float, cpu: float) -> str:
    return f"| {what} | {count:,.0f} | {1e6 * cpu / count:.3g} | {count / cpu:,.0f} |"


def rings(broker: OwnValkey, subscribers: int, seconds: float) -> tuple[float, float]:
    """Rings a second, and the seconds of processor time that a second of them took."""
    stop, payload = threading.Event(), b"x" * RING
    clients = [broker.client() for _ in range(subscribers)]
    listening = [client.pubsub() for client in clients]
    for pubsub in listening:
        pubsub.subscribe("bench")

    def hear(pubsub: "redis.client.PubSub") -> None:
        while not stop.is_set():
            pubsub.get_message(timeout=0.1)

    threads = [threading.Thread(target=hear, args=(pubsub,)) for pubsub in listening]
    for thread in threads:
        thread.start()
    count, before, began = 0, cpu_seconds([broker.pid]), time.monotonic()
    with broker.client() as client:
        while time.monotonic() - began < seconds:
            pipeline = client.pipeline(transaction=False)
            for _ in range(AT_ONCE):
                pipeline.publish("bench", payload)
            pipeline.execute()
            count += AT_ONCE
    took, cpu = time.monotonic() - began, cpu_seconds([broker.pid]) - before
    stop.set()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    return count / took, cpu / took


def commits(database: PostgreSQL, connections: int, seconds: float) -> tuple[float, float]:
    """Commits of one row a second, each with its wait for the disk, and the seconds of processor time."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench (id bigserial PRIMARY KEY, room int, text text)")
    counts, until = [0] * connections, time.monotonic() + seconds

    def commit(number: int) -> None:
        with database.connect() as connection:
            while time.monotonic() < until:
                connection.execute(COMMIT, (number, "x" * 200))
                counts[number] += 1

    before, began = cpu_seconds(family([database.pid])), time.monotonic()
    threads = [threading.Thread(target=commit, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    return sum(counts) / took, (cpu_seconds(family([database.pid])) - before) / took
