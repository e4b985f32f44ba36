"""Which server is meant, and with which token: options, environment, or the project in which the program lies."""

import os
import sys
from argparse import ArgumentParser
from typing import NamedTuple

from chatcli.remote.errors import NoServerNamed
from chatcli.remote.surroundings import socket_nearby
from chatcli.remote.token import token_in
from chatcli.talk import Talker
from chatcore.exceptions import BadRequest

PORTS = {"http": 80, "https": 443}
_SCHEMES = tuple(PORTS)
#: Characters that stand in an address as they are (RFC 3986, section 2.3).
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Server(NamedTuple):
    """A server of a chat. `socket`: the path of its own socket, on this machine; then the URL's parts name nobody."""

    scheme: str
    host: str
    port: int
    #: The path of the chat's place, without a slash at its end.
    prefix: str
    socket: str | None
    token: str | None

    @property
    def name(self) -> str:
        """How people call it."""
        return self.socket or f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def authority(self) -> str:
        """`host[:port]`, as the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether it is asked over its own socket, where no token is needed."""
        return self.socket is not None

    def headers(self) -> dict[str, str]:
        """What every request has, a WebSocket's handshake too: who asks."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def websocket(self, room: str) -> str:
        """The URL of a room's WebSocket, for a full client."""
        return f"{self.scheme.replace('http', 'ws')}://{self.authority}{self.prefix}/ws/chat/{quoted(room)}/?v=1"


def add_arguments(parser: ArgumentParser) -> None:
    """The options that `server_of` takes."""
    through = parser.add_argument_group("through which server")
    through.add_argument("--server", metavar="URL", help="the chat's address: https://chat.example.org")
    through.add_argument("--socket", metavar="PATH", help="the socket of a server on this machine (api.sock)")
    through.add_argument(
        "--token-file", metavar="PATH", help="the file with the token for that server; - is standard input"
    )


def server_of(command: Talker, *, server: str | None, socket: str | None, token_file: str | None) -> Server:
    """The server that the options name, else the environment, else the one whose program this is.

    Warns when the token can be read on its way, or by others on this machine. BadRequest, NoServerNamed.
    """
    if server is not None and socket is not None:
        raise BadRequest("--server does not go with --socket: a message is sent through one server")
    if server is None and socket is None:
        server, socket = _server_around()
    token = token_in(command, token_file if token_file is not None else os.environ.get("ROOMLINE_TOKEN_FILE"))
    if socket is not None:
        return Server("http", "localhost", PORTS["http"], "", os.path.abspath(socket), token)
    assert server is not None
    found = parsed(server)._replace(token=token)
    if token is None:
        raise BadRequest("no token: name its file by --token-file, or by ROOMLINE_TOKEN_FILE")
    if found.scheme == "http" and not _is_this_machine(found.host):
        command.warn(f"the token travels to {found.host} readable for everybody on the way: use https://")
    return found


def _server_around() -> tuple[str | None, str | None]:
    """The URL or the socket that the environment or the project's folder names. NoServerNamed."""
    if url := os.environ.get("ROOMLINE_SERVER"):
        return url, None
    if path := os.environ.get("ROOMLINE_SOCKET") or socket_nearby(os.environ, sys.prefix):
        return None, path
    raise NoServerNamed


def parsed(url: str) -> Server:
    """The server of this URL; nothing is known of a token. BadRequest."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url.strip())
        port = parts.port or PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, KeyError):
        raise BadRequest(f"{url!a} is no server's address: write https://chat.example.org") from None
    if parts.username is not None or parts.password is not None:
        raise BadRequest("the server's address has a password in it: write the token into a file (--token-file)")
    plain = url.isprintable() and _is_plain(parts.path) and _is_plain(host)
    if parts.query or parts.fragment or not host or not plain:
        raise BadRequest(f"{url!a} is no server's address: write https://chat.example.org")
    return Server(parts.scheme, host, port, parts.path.rstrip("/"), None, None)


def quoted(name: str) -> str:
    """A name as a part of a path."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in name.encode(errors="replace"))


def _is_plain(text: str) -> bool:
    """Whether it can stand in a line of HTTP."""
    return text.isascii() and text.isprintable() and " " not in text


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")
