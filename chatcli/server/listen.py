"""Where the server listens: the address as `runserver` takes it, and sockets bound to it. Knows nothing of Daphne."""

import errno
import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from chatcore.exceptions import ChatError

BACKLOG = 1024
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
HOST = r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
ADDRPORT = re.compile(rf"(?:(?P<host>{HOST}):)?(?P<port>[0-9]{{1,5}})")


class ListenError(ChatError):
    """Nothing can listen there."""

    code = "listen"


class BadAddress(ListenError):
    """This is no address at all."""

    code, exit_code = "bad_address", 2


@dataclass(frozen=True)
class Address:
    """A TCP address; port 0 is any free one."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def with_port(self, port: int) -> str:
        """How to ask for another port of the same host: as short as it can be typed."""
        return str(port) if self.host == DEFAULT_HOST else str(Address(self.host, port))


class PortInUse(ListenError):
    """Another program listens there; `pid` is its process, where it is known to be a chat server."""

    code = "port_in_use"

    def __init__(self, address: Address, pid: int | None = None) -> None:
        holder = "" if pid is None else f" by the chat server with pid {pid}"
        free = address.with_port(min(address.port + 1, 65535))
        super().__init__(f"port {address.port} is in use{holder}; try: runchat {free}")
        self.address, self.pid = address, pid


def parse_address(text: str) -> Address:
    """`8001`, `0.0.0.0:8001`, `0:8001`, `[::1]:8001`, `localhost:8001`. Raises BadAddress."""
    match = ADDRPORT.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise BadAddress(f"{text!r} is no address: give a port (8001), host:port (0.0.0.0:8001) or [::1]:8001")
    host = (match["host"] or DEFAULT_HOST).strip("[]")
    return Address("0.0.0.0" if host == "0" else host, int(match["port"]))  # noqa: S104  it was asked for


def listen_tcp(address: Address) -> socket.socket:
    """A socket that listens there. Raises ListenError."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise BadAddress(f"{address.host} is no address of this machine ({error.strerror})") from error
    family, kind, protocol, _, place = min(found)  # IPv4 first, as runserver does
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise explained(error, address) from error
    return listener


def explained(error: OSError, address: Address) -> ListenError:
    """What to do about a port that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return PortInUse(address)
    if error.errno == errno.EACCES:
        return ListenError(f"port {address.port} is for root only; try: runchat {address.with_port(DEFAULT_PORT)}")
    if error.errno == errno.EADDRNOTAVAIL:
        return BadAddress(f"{address.host} is no address of this machine; try: runchat {address.port}")
    return ListenError(f"cannot listen on {address}: {error.strerror}")


def listen_unix(path: Path, mode: int = 0o666) -> socket.socket:
    """A socket that listens at `path`, for a proxy of any account; who may enter is its folder's business, and its
    mode's.

    What a dead server left there is taken over. Raises ListenError.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise ListenError(f"{path} is there and is no socket: give another path")
        if answers(path):
            raise ListenError(f"{path} is in use by another server: give another path")
        path.unlink(missing_ok=True)
        listener.bind(os.fspath(path))
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from error
    except ListenError:
        listener.close()
        raise
    return listener


def answers(path: Path) -> bool:
    """Whether a live process listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(os.fspath(path))
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
    return True
