"""The servers of the bench, ours and its peers: how each starts and ends, and how the load client speaks to it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chatcli.valkey import OPTIONS, Answer, ping, valkey_binary
from tests.bench.load import building, processes
from tests.bench.load.ours import Running, ours, template
from tests.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[3]
PAGE = "/ws/chat/bench-%d/"
#: A server that takes connections; the argument is an empty folder for what it keeps meanwhile.
Start = Callable[[Path], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Server:
    """A column of the table. `path` has a %d for the number of the room; `install` raises building.NotHere."""

    key: str
    title: str
    dialect: str
    path: str
    start: Start
    install: Callable[[], object] = lambda: None
    #: What it loses fails the bench.
    ours: bool = False
    #: Whether it needs a row's `slow` seconds.
    slow: bool = False


@contextmanager
def listening(command: list[str], folder: Path, env: dict[str, str], *beside: int) -> Iterator[Running]:
    """A program that listens on the port that is appended to its command; its output goes into the folder.

    `beside`: processes that count as its own.
    """
    port = processes.free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | env,
            cwd=PROJECT,
        )
    try:
        wait_until(lambda: process.poll() is not None or processes.listens(port), f"{command} listens")
        if process.poll() is not None:
            raise RuntimeError(f"{command} ended with {process.returncode}: {log.read_text()[-2000:]}")
        yield Running(port, process.pid, *beside)
    finally:
        processes.stop(process)


@contextmanager
def broker(folder: Path) -> Iterator[tuple[str, int]]:
    """A Valkey with the options of the site's own: its URL and its process."""
    path = folder / "valkey.sock"
    command = [str(valkey_binary()), "--unixsocket", str(path), *OPTIONS]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        wait_until(lambda: ping(path, 0.2) is Answer.YES, "Valkey answers")
        yield f"unix://{path}", process.pid
    finally:
        processes.stop(process)


@contextmanager
def tutorial(folder: Path, *, pubsub: bool) -> Iterator[Running]:
    """Daphne with the tutorial's application, its layer in memory or on a broker."""
    command = [sys.executable, "-m", "daphne", "-v", "0", "tests.bench.load.peers.tutorial:application", "-p"]
    with ExitStack() as stack:
        url, *pids = stack.enter_context(broker(folder)) if pubsub else ("",)
        yield stack.enter_context(listening(command, folder, {"TUTORIAL_REDIS": url}, *pids))


def node(script: str, folder: Path) -> AbstractContextManager[Running]:
    """One of the programs in peers/ that run on Node."""
    env = {"NODE_PATH": str(building.node_modules()), "NODE_ENV": "production"}
    return listening(["node", str(building.PEERS / script)], folder, env)


def null(folder: Path) -> AbstractContextManager[Running]:
    """No chat at all: see null.c."""
    return listening([str(building.program("null"))], folder, {})


SOCKETIO = "/socket.io/?EIO=4&transport=websocket&room=bench-%d"
npm = building.node_modules
SERVERS = {
    server.key: server
    for server in (
        Server("ours", "Roomline", "full", f"{PAGE}?v=1", ours, template, ours=True),
        Server("plain", "Roomline, plain client", "plain", PAGE, ours, template, ours=True),
        Server("tutorial", "tutorial, in memory", "plain", PAGE, partial(tutorial, pubsub=False), slow=True),
        Server("tutorial-pubsub", "tutorial, pub/sub", "plain", PAGE, partial(tutorial, pubsub=True), slow=True),
        Server("ws", "ws", "raw", "/bench-%d", partial(node, "ws.js"), npm),
        Server("socketio", "Socket.IO", "socketio", SOCKETIO, partial(node, "socketio.js"), npm),
        Server("uws", "uWebSockets.js", "raw", "/bench-%d", partial(node, "uws.js"), npm),
        Server("null", "null server", "raw", "/bench-%d", null, partial(building.program, "null")),
    )
}
