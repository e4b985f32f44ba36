"""A program of this machine that speaks to a server by its local socket, on the standard library alone."""

import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S


class LocalConnection(HTTPConnection):
    """A connection of HTTP to a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(str(self._path))


def local_path(site: ChatSite) -> Path:
    """Where the first server of the site listens."""
    return site.var_dir / "run" / "api.sock"


def asked(path: Path, method: str, target: str, body: str | None = None) -> tuple[int, Any]:
    """Status and JSON of the answer; of another answer its bytes."""
    connection = LocalConnection(path)
    try:
        connection.request(method, target, body, {"Content-Type": "text/plain"} if body is not None else {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.getheader("Content-Type") == "application/json":
            return answer.status, json.loads(content)
        return answer.status, content
    finally:
        connection.close()


def opened(path: Path, target: str, headers: Mapping[str, str] | None = None) -> HTTPResponse:
    """The answer to GET, of which the head is read. Its connection closes with it."""
    connection = LocalConnection(path)
    connection.request("GET", target, headers={"Accept": "application/x-ndjson", **(headers or {})})
    return connection.getresponse()


def next_event(answer: HTTPResponse) -> dict[str, Any] | None:
    """The next of a stream of JSON lines; None at its end."""
    while line := answer.readline():
        if line.strip():
            found: dict[str, Any] = json.loads(line)
            return found
    return None
