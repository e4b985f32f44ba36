"""A WebSocket client on bare TCP, for what a library would smooth over: slow readers, resets, hostile bytes."""

import os
import socket
import ssl
import struct
from types import TracebackType
from typing import NamedTuple, Self

from tests.waiting import DEADLINE_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Frame(NamedTuple):
    """One unfragmented frame from the server."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int:
        return int(struct.unpack("!H", self.payload[:2])[0])


class Wire:
    """One connection. It reads only when it is told to."""

    def __init__(
        self, host: str, port: int, *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((host, port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def handshake(self, path: str = "/", headers: bytes = b"") -> bytes:
        """Ask for a WebSocket; the answer's head. `headers` are whole lines, sent as they are."""
        self.socket.sendall(request(path, headers))
        return self.head()

    def head(self) -> bytes:
        """An HTTP answer up to its empty line, or up to the end of the connection."""
        while b"\r\n\r\n" not in self.received and self._more():
            pass
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head

    def open(self, path: str = "/", headers: bytes = b"") -> Self:
        assert self.handshake(path, headers).startswith(b"HTTP/1.1 101 ")
        return self

    def send(self, payload: bytes | str, opcode: int = TEXT) -> None:
        """One whole, masked frame."""
        self.socket.sendall(masked(payload.encode() if isinstance(payload, str) else payload, opcode))

    def receive(self) -> Frame | None:
        """The next frame; None at the end of the connection."""
        while True:
            size = len(self.received)
            length, offset = (self.received[1] & 0x7F, 2) if size > 1 else (0, 2)
            if length == 126 and size >= 4:
                length, offset = int(struct.unpack("!H", self.received[2:4])[0]), 4
            elif length == 127 and size >= 10:
                length, offset = int(struct.unpack("!Q", self.received[2:10])[0]), 10
            if size >= offset + length and (offset > 2 or (size > 1 and self.received[1] < 126)):
                frame = Frame(self.received[0] & 0x0F, self.received[offset : offset + length])
                self.received = self.received[offset + length :]
                return frame
            if not self._more():
                return None

    def text(self) -> str:
        """The next message; the server's pings are passed over."""
        while frame := self.receive():
            if frame.opcode == TEXT:
                return frame.payload.decode()
            assert frame.opcode == PING, frame
        raise EOFError("the connection ended")

    def close_code(self) -> int | None:
        """Read up to the close frame; None if the connection ended without one."""
        while frame := self.receive():
            if frame.opcode == CLOSE:
                return frame.close_code
        return None

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> bool:
        try:
            chunk = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.received += chunk
        return bool(chunk)


def request(path: str, headers: bytes = b"") -> bytes:
    """The opening handshake of a client."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
    return "\r\n".join(lines).encode() + b"\r\n" + headers + b"\r\n"


def masked(payload: bytes, opcode: int = TEXT, *, final: bool = True) -> bytes:
    """A client's frame (RFC 6455, section 5.2)."""
    first, size, mask = bytes((0x80 * final | opcode,)), len(payload), os.urandom(4)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65536:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return first + length + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
