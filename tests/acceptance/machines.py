"""Machines of a test's own: network namespaces on one bridge, each with an address, which can be parted. For root."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pwd import getpwnam
from types import TracebackType
from typing import Self

import pytest

#: A network that nobody routes (RFC 2544, benchmarks); its third number is of this test's process.
NETWORK = f"198.18.{os.getpid() % 250}"
#: Of no machine: what is sent there arrives nowhere.
NOWHERE = "02:00:00:00:00:fe"


@dataclass(frozen=True)
class Machine:
    """One of them."""

    name: str
    address: str

    def command(self, *words: str, user: str | None = None) -> list[str]:
        """The same command there, under the same process id; root's or that user's."""
        as_user = [f"--setuid={getpwnam(user).pw_uid}", f"--setgid={getpwnam(user).pw_gid}"] if user else []
        return ["nsenter", f"--net=/run/netns/{self.name}", *as_user, *words]


class Machines:
    """There while the context is open. The test itself is on the bridge, too, and reaches all of them."""

    def __init__(self, count: int) -> None:
        self._bridge = f"rl{os.getpid()}"
        self.all = [Machine(f"{self._bridge}-{number}", f"{NETWORK}.{number + 1}") for number in range(count)]

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def part(self, one: Machine, other: Machine) -> None:
        """What either sends to the other is lost from now on, without a word, as by a cable that was pulled."""
        for here, there in ((one, other), (other, one)):
            _run(*here.command("ip", "neighbor", "replace", there.address, "lladdr", NOWHERE, "dev", "eth0"))

    def join(self, one: Machine, other: Machine) -> None:
        """They reach each other again."""
        for here, there in ((one, other), (other, one)):
            _run(*here.command("ip", "neighbor", "delete", there.address, "dev", "eth0"))

    def _make(self) -> None:
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "address", "add", f"{NETWORK}.254/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")
        for number, machine in enumerate(self.all):
            port = f"{self._bridge}p{number}"
            _run("ip", "netns", "add", machine.name)
            _run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
            _run("ip", "link", "set", port, "master", self._bridge, "up")
            _run(*machine.command("ip", "address", "add", f"{machine.address}/24", "dev", "eth0"))
            for link in ("lo", "eth0"):
                _run(*machine.command("ip", "link", "set", link, "up"))

    def _remove(self) -> None:
        for machine in self.all:  # whose end of the cable goes with it
            subprocess.run(["ip", "netns", "delete", machine.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)


@cache
def _possible() -> str:
    """Why there can be no machines here, or nothing."""
    try:
        with Machines(1):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return str(getattr(error, "stderr", "") or error).strip()


def needs_machines() -> None:
    """Skip the test where there can be none."""
    if reason := _possible():
        pytest.skip(f"no network namespaces can be made here (Linux and root?): {reason}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
