"""HTTP/1.1 from a client's side (RFC 9112): one request, one answer, over TCP, TLS or the server's own socket.

The standard library's client loads TLS and mail headers whether or not they are needed, and takes longer for that than
all the rest of a message sent over the socket. Here is what an API of JSON needs, with bounds on what a server may say.
"""

import os
import socket
import time
from typing import NamedTuple

from chatcli.console import one_line
from chatcli.remote.connection import Server
from chatcli.remote.errors import AnswerLost, NoRoomline, Unreachable
from chatcore.exceptions import ChatError, Forbidden

#: Bytes of headers, and of a body, above which a server is no server of ours.
_LONGEST_HEAD, _LARGEST_BODY = 65_536, 64 * 1024 * 1024
_READ = 65_536
#: Seconds for which a connection that nobody uses is sure to be kept by the other side.
_KEPT_S = 2.0


class Response(NamedTuple):
    """An answer, its headers' names in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """Talks to one server. The connection is kept for the next request, where that follows soon."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def exchange(self, method: str, target: str, headers: dict[str, str], body: bytes, *, until: float) -> Response:
        """The answer to this request, by `until` (monotonic). Unreachable when nothing of it was sent, AnswerLost when
        it was and no answer came."""
        if self._socket is not None and time.monotonic() - self._used_at > _KEPT_S:
            self.close()
        open_socket = self._socket = self._socket or self._connected(until)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._server.authority}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in (self._server.headers() | headers).items()]
        lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", ""]).encode("ascii") + body
        kept = False
        try:
            open_socket.settimeout(_left(until))
            open_socket.sendall(request)
            response, kept = _Answer(open_socket, until).whole()
        except OSError as error:  # TimeoutError and TLS errors too
            what = "did not answer in time" if isinstance(error, TimeoutError) else "was lost before its answer"
            why = "" if isinstance(error, TimeoutError) else f" ({_reason(error)})"
            raise AnswerLost(f"{self._server.name} {what}{why}") from error
        finally:
            self._used_at = time.monotonic()
            if not kept:
                self.close()
        return response

    def close(self) -> None:
        """Let the connection go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self, until: float) -> socket.socket:
        try:
            if self._server.socket is not None:
                return self._local(self._server.socket, until)
            plain = socket.create_connection((self._server.host, self._server.port), _left(until))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain if self._server.scheme == "http" else _secured(plain, self._server)
        except OSError as error:
            raise Unreachable(f"{self._server.name} cannot be reached: {_reason(error)}") from error

    def _local(self, path: str, until: float) -> socket.socket:
        """The server's own socket. Forbidden when it is another account's; Unreachable."""
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            local.settimeout(_left(until))
            local.connect(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            local.close()
            raise Unreachable(
                f"no server listens at {path}: start it by ./manage.py runchat, or name one by --server"
            ) from error
        except PermissionError as error:
            local.close()
            raise Forbidden(f"this chat belongs to {_owner(path)}: its server's socket is for that account") from error
        except OSError:
            local.close()
            raise
        return local


def _secured(plain: socket.socket, server: Server) -> socket.socket:
    """TLS, with the certificates that this machine trusts."""
    import ssl

    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=server.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise NoRoomline(f"the certificate of {server.name} is not trusted: {error.verify_message}") from error
    except OSError:
        plain.close()
        raise


class _Answer:
    """Reads one response."""

    def __init__(self, source: socket.socket, until: float) -> None:
        self._source = source
        self._until = until
        self._buffer = b""

    def whole(self) -> tuple[Response, bool]:
        """The response, and whether the connection may be used again. OSError, NoRoomline."""
        while True:
            head = self._up_to(b"\r\n\r\n", _LONGEST_HEAD).decode("latin-1")
            status_line, *lines = head.split("\r\n")
            version, _, rest = status_line.partition(" ")
            code, _, reason = rest.partition(" ")
            if version not in ("HTTP/1.1", "HTTP/1.0") or len(code) != 3 or not (code.isascii() and code.isdecimal()):
                raise _strange("no answer of HTTP")
            if code[0] != "1":  # else it is only on its way
                break
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        ends_with_connection = False
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        elif (length := headers.get("content-length")) is not None:
            body = self._exactly(_number(length, 10))
        elif code in ("204", "304"):
            body = b""
        else:
            body, ends_with_connection = self._rest(), True
        kept = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close" and not self._buffer
        return Response(int(code), reason, headers, body), kept and not ends_with_connection

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := _number(self._up_to(b"\r\n", 1024).partition(b";")[0].decode("latin-1").strip(), 16):
            if len(body) + size > _LARGEST_BODY:
                raise _strange("an answer that is too large")
            body += self._exactly(size)
            self._exactly(2)
        while self._up_to(b"\r\n", _LONGEST_HEAD):
            pass  # what may follow the last chunk
        return bytes(body)

    def _up_to(self, end: bytes, most: int) -> bytes:
        """What comes before `end`, which is taken too."""
        while end not in self._buffer:
            if len(self._buffer) > most:
                raise _strange("headers that are too long")
            self._buffer += self._more()
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        if size > _LARGEST_BODY:
            raise _strange("an answer that is too large")
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            parts.append(self._more())
            have += len(parts[-1])
        data = b"".join(parts)
        self._buffer = data[size:]
        return data[:size]

    def _rest(self) -> bytes:
        """All until the connection ends."""
        data, self._buffer = bytearray(self._buffer), b""
        while part := self._read():
            data += part
            if len(data) > _LARGEST_BODY:
                raise _strange("an answer that is too large")
        return bytes(data)

    def _more(self) -> bytes:
        data = self._read()
        if not data:
            raise ConnectionResetError(None, "it was closed")
        return data

    def _read(self) -> bytes:
        self._source.settimeout(_left(self._until))
        return self._source.recv(_READ)


def _number(text: str, base: int) -> int:
    if not text or len(text) > 16 or not all(digit in "0123456789abcdef"[:base] for digit in text.lower()):
        raise _strange("an answer of unclear length")
    return int(text, base)


def _strange(what: str) -> ChatError:
    return NoRoomline(f"what answers there gives {what}: is it the chat's server?")


def _left(until: float) -> float:
    """Seconds, of which there must be some. TimeoutError."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(None, "there was no time left")
    return left


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return one_line(error.strerror or str(error) or type(error).__name__)


def _owner(path: str) -> str:
    """The account of the server, in quotes; a folder that we may not look into is its too."""
    import pwd

    for place in (path, os.path.dirname(path)):
        try:
            uid = os.stat(place).st_uid
            return f'"{pwd.getpwuid(uid).pw_name}"'
        except (OSError, KeyError):
            continue
    return "another account"
