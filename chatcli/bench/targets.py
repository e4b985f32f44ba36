"""Which servers run here, how a program of this machine reaches them, and what they cost."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from chatcli.banner import local
from chatcli.server_record import ServerRecord, live_records
from chatcore.exceptions import ChatError
from chatcore.mount import socket_address


class NoServer(ChatError):
    """There is nothing to measure."""

    code = "no_server"

    def __init__(self) -> None:
        super().__init__("no server runs here; start one: ./manage.py runchat")


@dataclass(frozen=True)
class Target:
    """A room of one server. `url` names it as the server wants to be called; `path` is a unix socket, else TCP."""

    pids: list[int]
    url: str
    host: str
    port: int
    path: str | None


def targets(room: str) -> list[Target]:
    """The room of each server that runs on this data. NoServer."""
    found = [_target(record, room) for record in live_records()]
    if not found:
        raise NoServer
    return found


def _target(record: ServerRecord, room: str) -> Target:
    path = f"{socket_address(room)}?v=1"
    if record.address.startswith("unix:"):
        return Target(
            record.serving(), f"ws://{_known_host('localhost')}{path}", "", 0, record.address.removeprefix("unix:")
        )
    place = urlsplit(local(record.address))
    assert place.hostname is not None
    port = place.port or 80
    return Target(record.serving(), f"ws://{_known_host(place.netloc)}{path}", place.hostname, port, None)


def _known_host(address: str) -> str:
    """The address if the server answers to that name, else a name to which it does."""
    allowed = settings.ALLOWED_HOSTS
    if not allowed or validate_host(split_domain_port(address)[0], allowed):
        return address
    return str(allowed[0]).lstrip(".")


class Processor:
    """How busy this process and the servers' have been since it was made, in shares of one core."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._at, self._own, self._servers = time.perf_counter(), time.process_time(), self._used()

    def shares(self) -> tuple[float, float | None]:
        """Ours, and that of the servers together; None where the system does not tell."""
        used, seconds = self._used(), time.perf_counter() - self._at
        own = (time.process_time() - self._own) / seconds
        return own, None if used is None or self._servers is None else (used - self._servers) / seconds

    def _used(self) -> float | None:
        """Seconds of processor time, as Linux has it in /proc (proc_pid_stat(5))."""
        try:
            fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self._pids]
        except OSError:
            return None
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")
