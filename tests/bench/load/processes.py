"""Processes that are measured: on which core they run, the CPU and the memory they use, how they end. Linux: /proc."""

import os
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_S = 10.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Whatever is started in here stays on this core: a child has the affinity of the thread that starts it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(roots: Iterable[int]) -> list[int]:
    """These processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """What they have used so far, with their children that have ended, in user and system mode."""
    return TICK_S * sum(int(ticks) for pid in pids for ticks in stat(pid)[11:15])


def busy_seconds(core: int) -> float:
    """How long this core has worked so far, for whomever: also for another machine on the same iron (steal)."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(ticks) for ticks in line.split()[1:9])
    return TICK_S * (user + nice + system + irq + softirq + steal)


def memory_bytes(pids: Iterable[int]) -> int:
    """Their proportional set size: a page that several share is counted once."""
    return 1024 * sum(
        int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    )


def stat(pid: int) -> list[str]:
    """/proc/PID/stat from the state on (proc(5)): 1 is the parent, 11 to 14 are times. Empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it in order, or by force after a while, and wait until it is gone."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
