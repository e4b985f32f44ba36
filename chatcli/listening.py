"""All sockets of one server, opened before anything else so that a busy port is the first thing it says."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chatcli.server.listen import Address, PortInUse, listen_tcp, listen_unix
from chatcli.server.local import LocalSocket, local_socket
from chatcli.server_record import live_records
from chatcore import conf


@dataclass(frozen=True)
class Listening:
    """`addresses`: how people name `sockets`; port 0 has become a real one. `local`: for this account's programs, or
    why there is none."""

    sockets: list[socket.socket]
    addresses: list[str]
    local: LocalSocket | str

    @property
    def bound_local(self) -> socket.socket | None:
        """The local socket itself."""
        return self.local.bound if isinstance(self.local, LocalSocket) else None

    @property
    def local_path(self) -> str:
        """Where it is; empty: there is none."""
        return str(self.local.path.absolute()) if isinstance(self.local, LocalSocket) else ""


def listening(address: Address | None, unix: Path | None, stack: ExitStack) -> Listening:
    """Listen on these until the end of the stack. Raises ListenError."""
    sockets, addresses = [], []
    if address is not None:
        try:
            sockets.append(stack.enter_context(listen_tcp(address)))
        except PortInUse as error:
            raise PortInUse(address, pid_at(address.port)) from error
        host, port = sockets[0].getsockname()[:2]
        addresses.append(f"http://{Address(host, port)}/")
    if unix is not None:
        sockets.append(stack.enter_context(listen_unix(unix)))
        stack.callback(unix.unlink, missing_ok=True)
        addresses.append(f"unix:{unix.absolute()}")
    local = stack.enter_context(local_socket(Path(conf.settings.RUN_DIR)))
    return Listening(sockets, addresses, local)


def pid_at(port: int) -> int | None:
    """The chat server of this CHAT_VAR_DIR that listens on the port."""
    for record in live_records():
        if record.address.startswith("http") and urlsplit(record.address).port == port:
            return record.pid
    return None
