"""The load bench says what is true: its client finds losses where there are some and none where there are none."""

import asyncio
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.acceptance.site import PROJECT, ChatSite
from tests.bench.load import building
from tests.bench.load.driving import client
from tests.bench.load.ours import log_faults
from tests.bench.load.servers import listening

pytestmark = pytest.mark.slow
needs_compiler = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)


def driven(folder: Path, port: int, *arguments: str) -> dict[str, int]:
    """What the client found on this port in a second, with ten sockets in two rooms."""
    command = [building.program("client", folder), "--port", port, "--dialect", "raw", "--path", "/room-%d"]
    command += ["--sockets", 10, "--rooms", 2, "--seconds", 1, "--warmup", 0.1, *arguments]
    return client([str(word) for word in command], lambda word: None, 30)


@needs_compiler
@pytest.mark.parametrize("way", [("--flight", "3"), ("--rate", "200")])
def test_the_client_finds_every_message_once_and_in_order_at_a_server_that_only_copies(
    tmp_path: Path, way: tuple[str, str]
) -> None:
    with listening([str(building.program("null", tmp_path))], tmp_path, {}) as running:
        found = driven(tmp_path, running.port, *way)
    assert found["messages"] > 0
    assert found["deliveries"] >= 4 * found["messages"]  # five to a room; the window's edges cut through some
    assert [found[name] for name in ("lost", "repeated", "misplaced", "timeouts", "closed")] == [0] * 5


class Faulty:
    """A server that does one thing wrong at the tenth message, to one socket of its room."""

    def __init__(self, fault: str) -> None:
        self.fault, self.count, self.held = fault, 0, ""
        self.turn = asyncio.Lock()
        self.rooms: dict[str, list[ServerConnection]] = {}

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        room = self.rooms.setdefault(socket.request.path, [])
        room.append(socket)
        async for text in socket:
            async with self.turn:  # or two messages could cross
                self.count += 1
                for place, member in enumerate(room):
                    for sent in self.texts(str(text)) if place == 4 else [str(text)]:
                        await member.send(sent)

    def texts(self, text: str) -> list[str]:
        """What the victim gets for this message."""
        if self.held:
            held, self.held = self.held, ""
            return [text, held]
        if self.fault and self.count >= 10:
            fault, self.fault = self.fault, ""
            self.held = text if fault == "swap" else ""
            return {"lose": [], "repeat": [text, text], "swap": []}[fault]
        return [text]


@contextmanager
def faulty(fault: str) -> Iterator[int]:
    """Its port."""
    ready, port = threading.Event(), 0
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        nonlocal port
        async with serve(Faulty(fault).talk, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@needs_compiler
@pytest.mark.parametrize(
    ("fault", "shows"),
    [("", set()), ("lose", {"lost"}), ("repeat", {"repeated"}), ("swap", {"lost", "misplaced", "repeated"})],
)
def test_the_client_counts_what_a_server_loses_repeats_or_misplaces(
    tmp_path: Path, fault: str, shows: set[str]
) -> None:
    with faulty(fault) as port:
        found = driven(tmp_path, port, "--rate", "100")
    counted = {name for name in ("lost", "repeated", "misplaced") if found[name]}
    assert counted - {"misplaced"} == shows - {"misplaced"}  # a hole, too, is met out of its place
    assert shows <= counted


@pytest.mark.sqlite("the bench reads the file")
def test_a_log_with_a_message_too_few_or_a_text_twice_is_a_fault() -> None:
    with closing(ChatSite()) as site:
        for arguments in (("migrate", "-v0"), ("create_room", "once"), ("create_room", "twice")):
            assert site.manage(*arguments).returncode == 0
        assert site.manage("chat_send", "once", "--lines", input="one\ntwo\n").returncode == 0
        database = site.var_dir / "chat.sqlite3"
        assert log_faults(database, 2) == []
        assert log_faults(database, 3) == ["3 messages were sent, 2 are in the log"]
        assert site.manage("chat_send", "twice", "--lines", input="same\nsame\n").returncode == 0
        assert log_faults(database, 4) == ["twice: last_seq 2, head 2, 2 messages with 1 texts"]


@needs_compiler
def test_the_bench_measures_ours_and_draws_what_it_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench.load", "--rows", "flight8", "--servers", "ours,null", "--rounds", "1"]
    command += ["--seconds", "1", "--output", str(tmp_path / "table.md"), "--chart", str(tmp_path / "chart.svg")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "table.md").read_text()
    assert "| one room, 200 sockets, 8 in flight | Roomline | " in done.stdout
    assert "Roomline</text>" in (tmp_path / "chart.svg").read_text()
