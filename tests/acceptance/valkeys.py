"""A broker of one's own, for CHAT_REDIS_URL: a Valkey on a TCP port that may die, hang and come back."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatcli.valkey import valkey_binary
from tests.acceptance.machines import Machine
from tests.waiting import DEADLINE_S, wait_until


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class OwnValkey:
    """Runs while the context is open, unless it is killed; it keeps its port and its password."""

    def __init__(
        self, password: str | None = None, machine: Machine | None = None, options: Sequence[str] = ()
    ) -> None:
        """`machine`: where it runs, if not here; `options`: more of its command line."""
        self.port, self.password = free_port(), password
        self.host, self._machine, self._options = machine.address if machine else "127.0.0.1", machine, options
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For CHAT_REDIS_URL."""
        account = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{account}{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Run it, and wait until it answers."""
        command = [str(valkey_binary()), "--port", str(self.port), "--bind", self.host, "--save", "", *self._options]
        if self.password:
            command += ["--requirepass", self.password]
        elif self._machine:
            command += ["--protected-mode", "no"]
        if self._machine:
            command = self._machine.command(*command)
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
        )
        wait_until(self.answers, "the broker's answer")

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9; it may be gone already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)

    def freeze(self) -> None:
        """It stays there and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def client(self) -> "redis.Redis":
        """To speak with it; close it."""
        return redis.Redis.from_url(self.url, socket_timeout=DEADLINE_S, retry=Retry(NoBackoff(), 0))

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def subscribers(self) -> int:
        """How many connections listen to it."""
        with self.client() as client:
            return len(client.client_list(_type="pubsub"))
