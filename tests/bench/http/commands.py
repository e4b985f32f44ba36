"""A process of its own that sends one message, from its start to its end, which comes after the answer."""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.site import ChatSite
from tests.bench.commands import timed
from tests.bench.http.generator import TEXT
from tests.bench.load import processes
from tests.bench.load.ours import ENV
from tests.waiting import wait_until

TURNS = 20
ROOMLINE = Path(sys.executable).parent / "roomline"


def main(quick: bool) -> None:
    """The table."""
    turns = TURNS // 4 if quick else TURNS
    print(f"| cold process to ack, median of {turns}, in turns | ms | to roomline send |\n|---|---|---|")  # noqa: T201
    with ChatSite(env=ENV) as site, mosquitto(site.var_dir) as publish:
        site.env.pop("PYTHONDONTWRITEBYTECODE", None)
        site.manage("create_room", "bench")
        commands = {**senders(site), **publish}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(turns + 1):
            for name, (command, env) in commands.items():
                times[name].append(timed(command, env))
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}  # the first writes bytecode
    base = next(iter(medians.values()))
    for name, found in medians.items():
        print(f"| {name} | {found * 1000:.0f} | {found / base:.2f} |")  # noqa: T201


Command = tuple[list[str], Mapping[str, str]]


def senders(site: ChatSite) -> dict[str, Command]:
    """Ways to send a message to the site."""
    found: dict[str, Command] = {}
    if ROOMLINE.exists():
        roomline = [str(ROOMLINE), "send", "-q", "bench", "--", TEXT]
        found["`roomline send` by the server's own socket"] = roomline, site.env
        token = site.var_dir / "token"
        token.touch(0o600)
        token.write_text(site.manage("chat_token", "create", "bench", "--room", "bench").stdout)
        remote = [*roomline[:2], "--server", site.url, "--token-file", str(token), *roomline[2:]]
        found["`roomline send --server http://...`"] = remote, site.env
        headers = site.var_dir / "headers"
        headers.write_text(f"Authorization: Bearer {token.read_text()}")
        if curl := shutil.which("curl"):
            post = ["-fsS", "-H", f"@{headers}", "-d", TEXT, f"{site.url}api/rooms/bench/messages"]
            found["`curl -d`"] = [curl, *post], site.env
    found["`manage.py chat_send`"] = site.command("chat_send", "-q", "bench", "--", TEXT), site.env
    return found


@contextmanager
def mosquitto(folder: Path) -> Iterator[dict[str, Command]]:
    """`mosquitto_pub` with an answer (QoS 1) to a broker of its own, which keeps what it gets in memory."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    publish = shutil.which("mosquitto_pub")
    if program is None or publish is None:
        yield {}
        return
    port = processes.free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\nuser root\n")
    process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: processes.listens(port), "mosquitto listens")
        command = [publish, "-p", str(port), "-q", "1", "-t", "bench", "-m", TEXT]
        yield {"`mosquitto_pub -q 1`, nothing on disk": (command, os.environ)}
    finally:
        processes.stop(process)
