"""A site of several worker processes, and what a test wants to know of them."""

import json
import os
import signal
import urllib.request
from typing import Any

from tests.acceptance.resources import connections
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until


class WorkingSite(ChatSite):
    """`runchat --workers 2`, unless told otherwise."""

    def __init__(self, env: dict[str, str] | None = None, *arguments: str, workers: int = 2) -> None:
        super().__init__(env, ["--workers", str(workers), *arguments])

    def record(self) -> dict[str, Any]:
        """Of `server.json`."""
        found: dict[str, Any] = json.loads((self.var_dir / "server.json").read_text())
        return found

    def pids(self) -> list[int]:
        """The workers' processes by number, 0 for one that does not run."""
        return list(self.record()["workers"])

    def asked_of(self) -> dict[str, Any]:
        """What `/healthz` says, on a connection of its own: whichever worker took it."""
        with urllib.request.urlopen(f"{self.url}healthz") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def with_worker(self, number: int) -> set[int]:
        """The other ends' ports of all connections that are with this worker."""
        return connections(self.port, self.pids()[number - 1])

    def kill_worker(self, number: int) -> int:
        """kill -9; returns its process, once the record names another one."""
        pid = self.pids()[number - 1]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pids()[number - 1] not in (0, pid), "another worker in its place")
        return pid

    def hang_up(self) -> None:
        """SIGHUP."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def upgrade(self) -> None:
        """SIGHUP, until it is done."""
        done = self.stdout.count("Upgraded: ")
        self.hang_up()
        wait_until(lambda: self.stdout.count("Upgraded: ") > done, "the upgrade's end")
