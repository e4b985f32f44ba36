"""A server that answers with given bytes, whatever it is asked: what a client may meet."""

import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.waiting import DEADLINE_S

#: Instead of an answer: close the connection; keep silent until the client has gone.
LOST, SILENT = b"", b"silent"


class Answering:
    """Listens while the context is open. Each request gets the next of `answers`, the last one for ever.

    A connection is closed after an answer, unless `keeps`.
    """

    def __init__(self, *answers: bytes, keeps: bool = False) -> None:
        self._answers, self._keeps = list(answers), keeps
        self.requests: list[bytes] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(DEADLINE_S)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(DEADLINE_S)
                while self._answered(connection) and self._keeps:
                    pass

    def _answered(self, connection: socket.socket) -> bool:
        request = _request(connection)
        if not request:
            return False
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer == SILENT:
            connection.recv(1)
            return False
        try:
            connection.sendall(answer)
        except ConnectionError:  # the client has read enough
            return False
        return True


def _request(connection: socket.socket) -> bytes:
    """A request whose length is told; nothing when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def http(body: bytes, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """An answer of HTTP with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
