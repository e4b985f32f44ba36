"""The HTTP API as calls: JSON goes in, JSON comes out, and a refusal is an error of the domain."""

import json
from typing import Any, NamedTuple

from chatcli.remote.connection import Server, quoted
from chatcli.remote.errors import NoRoomline, Refused, Unreachable
from chatcli.remote.exchange import Connection, Response

#: What a proxy says while the server behind it is away. The request may have reached it, or not.
_AWAY = frozenset((502, 503, 504))


class Reply(NamedTuple):
    """What the server has answered."""

    status: int
    content: dict[str, Any]


class Api:
    """One server's API. For one thread."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection = Connection(server)

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        until: float,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Reply:
        """The answer to this call, by `until` (monotonic). `path` is below the API's place, its parts quoted.

        Refused, Unreachable, AnswerLost, Forbidden, NoRoomline.
        """
        headers = {"Accept": "application/json"}
        data = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":")).encode()
        target = f"{self.server.prefix}/api/{path}{_query(query)}"
        response = self._connection.exchange(method, target, headers, data, until=until)
        if 200 <= response.status < 300:
            return Reply(response.status, _content(response, self.server))
        raise self._error(response)

    def fetch(self, path: str, *, until: float) -> bytes:
        """The JSON at this path, with its query, below the API's place, as the server sent it. Errors as of `call`."""
        target = f"{self.server.prefix}/api/{path}"
        response = self._connection.exchange("GET", target, {"Accept": "application/json"}, b"", until=until)
        if 200 <= response.status < 300:
            return response.body
        raise self._error(response)

    def _error(self, response: Response) -> Exception:
        if 300 <= response.status < 400:
            where = response.headers.get("location", "nowhere")
            return NoRoomline(f"{self.server.name} leads to {where[:200]}: give the address it leads to as --server")
        if response.status == 404 and self.server.prefix.endswith("/api") and b"api/api/" in response.body:
            return NoRoomline(f"{self.server.name} is the API's address: give the chat's, without /api")
        told = _object(response.body) or {}
        code, detail = told.get("code"), told.get("detail")
        if told.get("type") == "error" and isinstance(code, str) and isinstance(detail, str):
            wait, index, limit = told.get("retry_after"), told.get("index"), told.get("limit")
            return Refused(
                response.status, code, detail,
                wait=float(wait) if isinstance(wait, (int, float)) else 0.0,
                index=index if isinstance(index, int) else None,
                limit=limit if isinstance(limit, int) and limit > 0 else None,
            )  # fmt: skip
        line = f"{self.server.name} answers {response.status} {response.reason[:80]}".rstrip()
        if response.status in _AWAY:
            return Unreachable(line)
        return NoRoomline(f"{line}: is it the address of the chat?")


def _query(parameters: dict[str, str] | None) -> str:
    if not parameters:
        return ""
    return "?" + "&".join(f"{name}={quoted(value)}" for name, value in parameters.items())


def _content(response: Response, server: Server) -> dict[str, Any]:
    found = _object(response.body)
    if found is None:
        raise NoRoomline(f"{server.name} answers no JSON: is it the address of the chat?")
    return found


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in the body; None if it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
