"""How many streams a server holds and what a delivery to one costs, beside WebSockets, in one run."""

import asyncio
import base64
import resource
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.acceptance.site import ChatSite
from tests.bench.http.generator import TEXT
from tests.bench.load import processes
from tests.bench.load.ours import ENV
from tests.waiting import DEADLINE_S

IDLE, READERS, POSTS = 2000, 500, 200
SETTINGS = ENV | {"CHAT_SOCKETS_PER_ADDRESS": "100000", "CHAT_SOCKETS_PER_PERSON": "100000"}
#: How each asks for the room `bench`.
KINDS = {
    "JSON lines": "GET /api/rooms/bench/stream HTTP/1.1\r\nAccept: application/x-ndjson\r\n",
    "server-sent events": "GET /api/rooms/bench/stream HTTP/1.1\r\nAccept: text/event-stream\r\n",
    "WebSockets, plain client": "GET /ws/chat/bench/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n",
}


@dataclass
class Tally:
    """What came to all listeners of one kind."""

    heads: int = 0
    messages: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it, which only what comes makes true."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not condition():
                    await self.news.wait()
                    self.news.clear()
        except TimeoutError as error:
            raise TimeoutError(f"waited in vain for {what}: {self.heads} heads, {self.messages} messages") from error


class Listening(asyncio.Protocol):
    """Asks, and counts the messages that come."""

    def __init__(self, tally: Tally, request: bytes) -> None:
        self._tally, self._request, self._begun, self._rest = tally, request, False, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            assert data.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 101 ")), data
            self._begun = True
            self._tally.heads += 1
        data = self._rest + data
        self._tally.messages += data.count(b'"created_at":')
        self._rest = data[-12:]  # shorter than what is counted
        self._tally.news.set()


def main(quick: bool) -> None:
    """The table."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle, posts = (IDLE // 4, POSTS // 4) if quick else (IDLE, POSTS)
    print(f"| a server with | memory of each of {idle:,} idle | CPU a delivery, {READERS} readers, 20 messages/s |")  # noqa: T201
    print("|---|---|---|")  # noqa: T201
    for name, start in KINDS.items():
        with processes.on_core(1), ChatSite(env=SETTINGS) as site, processes.on_core(0):
            site.manage("create_room", "bench")
            token = site.manage("chat_token", "create", "bench", "--room", "bench").stdout.strip()
            request = f"{start}Host: {site.host}:{site.port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            memory, cpu = asyncio.run(measured(site, request, idle, posts))
            print(f"| {name} | {memory / 1000:.1f} kB | {cpu * 1e6:.1f} us |", flush=True)  # noqa: T201
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def measured(site: ChatSite, request: bytes, idle: int, posts: int) -> tuple[float, float]:
    """Bytes of each idle listener, and CPU seconds of a delivery to some of them."""
    assert site.process is not None
    pids = processes.family([site.process.pid])
    tally = Tally()
    await listeners(site, request, tally, 100)  # what a first one costs is not what each costs
    before = processes.memory_bytes(pids)
    made = await listeners(site, request, tally, idle)
    memory = (processes.memory_bytes(pids) - before) / idle
    for transport in made[READERS - 100 :]:
        transport.abort()
    await asyncio.sleep(1)
    costs = []
    for _ in range(3):
        costs.append(await delivered(site, tally, pids, posts))
    return memory, statistics.median(costs)


async def delivered(site: ChatSite, tally: Tally, pids: list[int], posts: int) -> float:
    """CPU seconds a delivery; what `chat_send --lines` costs is its own process's."""
    goal, used = tally.messages + posts * READERS, processes.cpu_seconds(pids)
    sender = await asyncio.create_subprocess_exec(
        *site.command("chat_send", "-q", "bench", "--lines"), stdin=asyncio.subprocess.PIPE, env=site.env, cwd="/"
    )
    assert sender.stdin is not None
    for number in range(posts):
        sender.stdin.write(f"{TEXT} {number}\n".encode())
        await asyncio.sleep(0.05)
    sender.stdin.close()
    await sender.wait()
    await tally.until(lambda: tally.messages >= goal, f"{goal} messages")
    assert tally.messages == goal, f"{tally.messages} messages came instead of {goal}"
    return (processes.cpu_seconds(pids) - used) / (posts * READERS)


async def listeners(site: ChatSite, request: bytes, tally: Tally, count: int) -> list[asyncio.Transport]:
    """So many more, once they are let in."""
    loop, goal = asyncio.get_running_loop(), tally.heads + count
    made = []
    for _ in range(count):
        transport, _ = await loop.create_connection(lambda: Listening(tally, request), site.host, site.port)
        assert isinstance(transport, asyncio.Transport)
        made.append(transport)
    await tally.until(lambda: tally.heads >= goal, f"{goal} heads")
    await asyncio.sleep(1)
    return made
