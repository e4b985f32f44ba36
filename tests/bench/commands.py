"""What commands cost: a cold start, a bulk run in and out, and a single send beside one: `make bench`.

Prints a Markdown table. Ratios are of runs in turns, so that a busy machine weighs on both sides.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.acceptance.site import PROJECT, ChatSite

PAIRS = 20
MANY = 100_000
SINGLE_SENDS = 60
SETUP = [sys.executable, "-c", "import django; django.setup()"]


def main() -> None:
    """The table."""
    print("| commands | |\n|---|---|")  # noqa: T201
    with ChatSite() as site:
        site.env.pop("PYTHONDONTWRITEBYTECODE", None)
        site.manage("create_room", "bench")
        cold_start(site)
        bulk(site)
        beside_a_bulk_run(site)


def cold_start(site: ChatSite) -> None:
    """`chat_send` in a process of its own, over a bare `django.setup()` of the same settings."""
    env = {**site.env, "DJANGO_SETTINGS_MODULE": "chatproject.settings", "PYTHONPATH": str(PROJECT)}
    setups, sends = [], []
    for number in range(PAIRS + 1):
        pair = timed(SETUP, env), timed(site.command("chat_send", "-q", "bench", f"cold {number}"), site.env)
        if number:  # the first pair writes bytecode
            setups.append(pair[0])
            sends.append(pair[1])
    ratio = statistics.median(send / setup for send, setup in zip(sends, setups, strict=True))
    both = f"{statistics.median(sends) * 1000:.0f} ms over {statistics.median(setups) * 1000:.0f} ms"
    row(f"cold chat_send over django.setup(), median of {PAIRS} pairs", f"{ratio:.2f} ({both})")


def bulk(site: ChatSite) -> None:
    """Lines in and messages out, by the second, start-up included; and how the memory grows with ten times as many."""
    for count in (MANY // 10, MANY):
        room = f"bulk{count}"
        site.manage("create_room", room)
        lines = "".join(f"{number}\n" for number in range(1, count + 1)).encode()
        row(f"chat_send --lines, {count:,} lines", rate(site.command("chat_send", room, "--lines"), site, count, lines))
        command = site.command("chat_tail", room, "--no-follow", "-n", "all", "--json")
        row(f"chat_tail --no-follow -n all --json, {count:,} messages", rate(command, site, count, b""))


def beside_a_bulk_run(site: ChatSite) -> None:
    """Single sends alone, then while `--lines` writes into another room."""
    alone = [timed(site.command("chat_send", "-q", "bench", "alone"), site.env) for _ in range(SINGLE_SENDS)]
    beside: list[float] = []
    while len(beside) < SINGLE_SENDS:
        numbers = subprocess.Popen(["seq", "1", str(MANY)], stdout=subprocess.PIPE)
        bulk = subprocess.Popen(
            site.command("chat_send", "-q", f"bulk{MANY}", "--lines"), stdin=numbers.stdout, env=site.env
        )
        while bulk.poll() is None:
            beside.append(timed(site.command("chat_send", "-q", "bench", "beside"), site.env))
        numbers.wait()
    row(f"a single chat_send alone, p50, p99 of {len(alone)}", two(alone))
    row(f"the same beside --lines of {MANY:,}, p50, p99 of {len(beside)}", two(beside))


def timed(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds from start to end."""
    start = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
    return time.perf_counter() - start


def rate(command: Sequence[str], site: ChatSite, count: int, stdin: bytes) -> str:
    """Items a second and the largest memory, in words."""
    given = site.var_dir / "stdin"
    given.write_bytes(stdin)
    start = time.perf_counter()
    with given.open("rb") as source, Path(os.devnull).open("wb") as sink:
        process = subprocess.Popen(command, env=site.env, stdin=source, stdout=sink, cwd="/")
        _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return f"{count / (time.perf_counter() - start):,.0f}/s, {used.ru_maxrss / 1024:.0f} MiB"


def two(values: Sequence[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    return f"{statistics.median(values) * 1000:.0f}, {statistics.quantiles(values, n=100)[98] * 1000:.0f} ms"


def row(name: str, value: str) -> None:
    print(f"| {name} | {value} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
