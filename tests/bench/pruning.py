"""What people who chat notice of a prune: `python -m tests.bench.pruning [MESSAGES]`, a part of `make bench`.

A room of a million messages loses half of them by `chat_prune` while eight people write in it. Prints how long a post
takes before and meanwhile, as a Markdown table, and sees that a tail and a page that were far behind get one gap.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.acceptance.clients import Reader
from tests.acceptance.site import PROJECT, ChatSite

SIZE, PEOPLE = 1_000_000, 8
#: Seconds between two posts of a person, and of the measure before.
EVERY, BEFORE = 0.2, 30.0


def fill(site: ChatSite, room: str, size: int) -> None:
    """A message a second, the last one now."""
    site.manage("create_room", room)
    site.manage("chat_send", "-q", room, "a message of which there will be many", "--kind", "message")
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "chatproject.settings"}
    command = [sys.executable, "-m", "tests.bench.filling", room, str(size)]
    subprocess.run(command, env=env, cwd=PROJECT, check=True, stdin=subprocess.DEVNULL)


async def writing(reader: Reader, found: list[float], over: asyncio.Event) -> None:
    """Post again and again; milliseconds until each is said to be on the disk."""
    while not over.is_set():
        begin, answered = time.perf_counter(), len(reader.replies)
        await reader.send({"type": "send", "message": "hello", "client_id": str(begin)})
        await reader.until(lambda known=answered: len(reader.replies) > known, "sent")  # type: ignore[misc]
        assert reader.replies[-1]["type"] == "sent", reader.replies[-1]
        took = time.perf_counter() - begin
        found.append(1000 * took)
        await asyncio.sleep(max(0.0, random.uniform(0.5, 1.5) * EVERY - took))  # not all at once


async def posts_during(readers: list[Reader], work: "asyncio.Future[Any]") -> list[float]:
    """The milliseconds of all posts until that is done."""
    over, found = asyncio.Event(), list[float]()
    work.add_done_callback(lambda _: over.set())
    await asyncio.gather(work, *(writing(reader, found, over) for reader in readers))
    return found


async def measured(site: ChatSite, room: str, cookies: list[str], size: int) -> None:
    """The table, a row at a time."""
    readers = [Reader(site, room, cookie) for cookie in cookies]
    for reader in readers:
        await reader.connect()
    await posts_during(readers, asyncio.ensure_future(asyncio.sleep(5)))  # to get warm
    row("before", await posts_during(readers, asyncio.ensure_future(asyncio.sleep(BEFORE))))
    site.manage("create_room", room, "--update", "--retention", f"{size // 2}s")
    begin = time.perf_counter()
    pruning = asyncio.create_task(asyncio.to_thread(site.manage, "chat_prune", "--json", timeout=3600))
    during = await posts_during(readers, pruning)
    report = json.loads(pruning.result().stdout.splitlines()[-1])
    row(f"while {report['rows']:,} rows went in {time.perf_counter() - begin:.0f} s", during)
    await asyncio.gather(*(reader.disconnect() for reader in readers))


def row(name: str, posts: list[float]) -> None:
    """Percentiles of these."""
    cuts = statistics.quantiles(posts, n=100)
    print(f"| {name} | {len(posts):,} | {cuts[49]:.1f} | {cuts[98]:.1f} | {max(posts):.0f} |", flush=True)  # noqa: T201


async def gaps_of_a_page(site: ChatSite, room: str, cookie: str) -> list[str]:
    """What a page is told that had read the first message only."""
    reader = Reader(site, room, cookie)
    await reader.connect()
    await reader.disconnect()  # first, or what comes still would move it on
    reader.view.rev, reader.view.id = 1, None
    await reader.connect()
    await reader.until(lambda: bool(reader.view.gaps), "a gap")
    await reader.disconnect()
    return reader.view.gaps


def gaps_of_a_tail(site: ChatSite, room: str, size: int) -> list[str]:
    """The same of `chat_tail` with a cursor, which had read some messages before."""
    done = site.manage("chat_tail", room, "--cursor-file", str(cursor(site)), "--json", "--count", "100")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    seqs = [record["seq"] for record in records if record["type"] == "message"]
    assert seqs == list(range(seqs[0], seqs[0] + 100))
    assert size // 2 <= seqs[0] <= size // 2 + 600  # the seconds that had passed
    return [record["reason"] for record in records if record["type"] == "gap"]


def cursor(site: ChatSite) -> Path:
    return site.var_dir / "behind.cursor"


def main(size: int) -> None:
    """All of it."""
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        fill(site, "bench", size)
        cookies = site.sign_in(*(f"reader{number}" for number in range(PEOPLE)))
        site.manage("chat_tail", "bench", "-n", "all", "--cursor-file", str(cursor(site)), "--count", "5", "-q")
        print(f"| {size:,} messages, {PEOPLE} people, {PEOPLE / EVERY:.0f} posts/s | posts | p50 ms | p99 ms | worst |")  # noqa: T201
        print("|---|---|---|---|---|")  # noqa: T201
        asyncio.run(measured(site, "bench", cookies, size))
        page, tail = asyncio.run(gaps_of_a_page(site, "bench", cookies[0])), gaps_of_a_tail(site, "bench", size)
        print(f"\ngaps of a page that was far behind: {page}, of a tail: {tail}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)
