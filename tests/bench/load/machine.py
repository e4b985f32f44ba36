"""On what the bench ran: cores, versions, and what an fsync costs where the data lies."""

import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from json import loads
from pathlib import Path

from chatcli.valkey import valkey_binary
from tests.bench.load.building import BUILT
from tests.bench.load.runs import Plan

PACKAGES = ("Django", "channels", "channels_redis", "daphne", "Twisted")
SYNCS = 50


def description(plan: Plan) -> list[str]:
    """Lines for a person who compares two tables."""
    server, client = plan.cores
    apart = f"server on core {server}, generator on core {client}"
    if server == client:
        apart = "ONE core for server and generator together: compare nothing with other machines"
    rounds = f"medians of {plan.rounds} rounds" if plan.rounds > 1 else "one round"
    python = f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"{processor()}, {os.cpu_count()} cores: {apart}; load before: {os.getloadavg()[0]:.1f}",
        f"{platform.system()} {platform.release()}; an fsync in {tempfile.gettempdir()}: {fsync_ms():.2f} ms",
        python + f"; {valkey()}",
        *node(),
        f"{rounds} of {plan.seconds:g} s after {plan.warmup:g} s of warm-up, each on a server that was just started; "
        "longer where a server takes seconds for what is in flight",
    ]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def valkey() -> str:
    done = subprocess.run([str(valkey_binary()), "--version"], capture_output=True, text=True, check=True)
    return "Valkey " + done.stdout.partition("v=")[2].split()[0]


def node() -> list[str]:
    """Nothing if the peers of npm are not there."""
    packages = [BUILT / "npm" / "node_modules" / name / "package.json" for name in ("ws", "socket.io", "uwebsockets")]
    if shutil.which("node") is None or not all(package.exists() for package in packages):
        return []
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    found = [loads(package.read_text()) for package in packages]
    return [f"Node {done.stdout.strip()}, " + ", ".join(f"{one['name']} {one['version']}" for one in found)]


def fsync_ms() -> float:
    """The median of some, each after an append of 4 KiB. Next to nothing where the folder is in memory."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            os.write(file.fileno(), bytes(4096))
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
