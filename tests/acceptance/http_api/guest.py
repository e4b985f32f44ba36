"""A program that speaks to a site over HTTP: requests with a token, and streams, on the standard library alone."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Self

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S


@dataclass
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal, which has a reason, too."""
        found = self.json
        assert found["type"] == "error", found
        assert found["detail"]
        return self.status, found["code"]


@dataclass
class Guest:
    """Somebody with this token, or with none. Each request has a connection of its own, unless it is `connected`."""

    site: ChatSite
    token: str | None = None
    base: str = "/api/"
    _connection: HTTPConnection | None = field(default=None, repr=False)

    def ask(
        self, method: str, path: str, body: bytes | str | object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`body`: bytes and texts go as they are, anything else as JSON. `path` is below the API's base."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if isinstance(body, str):
            body = body.encode()
            sent.setdefault("Content-Type", "text/plain")
        elif body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = self._connection or self._connect()
        try:
            connection.request(method, self.base + path, body, sent)
            return answered(connection.getresponse())
        finally:
            if self._connection is None:
                connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, room: str, body: bytes | str | object, key: str | None = None) -> Answer:
        """A message."""
        return self.ask("POST", f"rooms/{room}/messages", body, {"Idempotency-Key": key} if key else None)

    def connected(self) -> Self:
        """The same on one connection that stays."""
        return type(self)(self.site, self.token, self.base, self._connect())

    @contextmanager
    def stream(self, room: str, query: str = "", accept: str = "application/x-ndjson") -> Iterator["Stream"]:
        """Follow a room; the answer's head is read."""
        connection = self._connect()
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        connection.request("GET", f"{self.base}rooms/{room}/stream{query}", headers=headers)
        try:
            yield Stream(connection.getresponse())
        finally:
            connection.close()

    def _connect(self) -> HTTPConnection:
        return HTTPConnection(self.site.host, self.site.port, timeout=DEADLINE_S)


class Stream:
    """An answer that goes on: JSON lines, without the blank ones that say that the server is there."""

    def __init__(self, response: HTTPResponse) -> None:
        self.response, self.status = response, response.status

    def next(self) -> dict[str, Any] | None:
        """The next event; None at the end."""
        while line := self.response.readline():
            if line.strip():
                found: dict[str, Any] = json.loads(line)
                return found
        return None

    def until_end(self) -> list[dict[str, Any]]:
        """What still comes."""
        return list(iter(self.next, None))


def answered(response: HTTPResponse) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def token(site: ChatSite, name: str, *options: str) -> str:
    """Make one by `chat_token create`; what it prints."""
    done = site.manage("chat_token", "create", name, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
