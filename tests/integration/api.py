"""The HTTP API of one process without a server: its real parts, and requests that are a call."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chatcore.routing import ChatApplication
from chatcore.services.tokens import create_hook, create_token

LOCAL = {"roomline.peer": {"uid": 0}}


def made_token(*rooms: str, name: str = "ci", **options: Any) -> str:
    """The text of a new token for these rooms."""
    return create_token(name, list(rooms), **options).text


def made_hook(room: str) -> str:
    """The secret part of the address of a new hook into this room."""
    return create_hook("grafana", room).text


async def pages(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Stands for Django: says which path came to it."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@dataclass
class Told:
    """What was answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        """The body, which is JSON by its own word."""
        assert self.headers["content-type"] == "application/json"
        return dict(json.loads(self.body))


@dataclass
class Program:
    """Somebody who asks the API: by a token, by the server's own socket, or by nothing."""

    app: ChatApplication
    token: str | None = None
    local: bool = False
    prefix: str = ""
    client: Any = ("192.0.2.7", 5000)

    async def ask(
        self, method: str, path: str, body: bytes | str | dict[str, Any] | None = None, *, query: str = "",
        media: str | None = None, headers: Mapping[str, str] | None = None, gone: asyncio.Event | None = None,
    ) -> Told:  # fmt: skip
        """One request to `path` below the API's place; a dictionary is sent as JSON. `gone`: the client leaves then."""
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if self.token is not None:
            given.setdefault("authorization", f"Bearer {self.token}")
        if isinstance(body, dict):
            body, media = json.dumps(body), media or "application/json"
        if media is not None:
            given["content-type"] = media
        content = body.encode() if isinstance(body, str) else body or b""
        given.setdefault("content-length", str(len(content)))
        scope = {
            "type": "http", "method": method, "path": f"{self.prefix}/api/{path}", "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": self.client, "extensions": LOCAL if self.local else {},
        }  # fmt: skip
        return await self._told(scope, content, gone or asyncio.Event())

    async def _told(self, scope: dict[str, Any], content: bytes, gone: asyncio.Event) -> Told:
        parts = [content[:10], content[10:]]
        told = Told()

        async def receive() -> dict[str, Any]:
            if parts:
                part = parts.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(parts)}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert told.status == 0
                told.status = message["status"]
                told.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                told.body += message["body"]

        await self.app(scope, receive, send)
        return told


@asynccontextmanager
async def served() -> AsyncIterator[ChatApplication]:
    """The application, as a server runs it."""
    app = ChatApplication(pages)
    try:
        app.start()
        yield app
    finally:
        await app.settle()
        await app.close()


def asked(*requests: tuple[Any, ...], token: str | None = None, local: bool = False, prefix: str = "") -> list[Told]:
    """The answers to these requests, one after the other, of a server of their own; each is `Program.ask`'s arguments,
    and perhaps a dictionary of its options."""

    async def scenario() -> list[Told]:
        async with served() as app:
            program = Program(app, token, local, prefix)
            told = []
            for request in requests:
                options = request[-1] if len(request) == 4 else {}
                told.append(await program.ask(*request[:3], **options))
            return told

    return asyncio.run(scenario())
