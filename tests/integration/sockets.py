"""The live chat of one process without a server: its real parts, and clients that are two queues."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, Self, TypeVar

from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.db import connections

from chatcore.actors import Actor
from chatcore.bell import Bell
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread
from chatcore.feed import Lookout
from chatcore.hub import Hub
from chatcore.routing import websocket_urlpatterns
from chatcore.writer import Writer
from tests.waiting import DEADLINE_S

P = ParamSpec("P")
T = TypeVar("T")
Frame = dict[str, Any]


async def elsewhere(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As another process would do it: in another thread, with a connection of its own, which is closed again."""

    def there() -> T:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(there)


class Site:
    """What one process has of the live chat. `socket(...)` is a client in it."""

    def __init__(self, poll: float = 0.01) -> None:
        """`poll`: seconds between two looks at the database."""
        self.bell = Bell()
        self.lookout = Lookout(poll)
        self.hub = Hub(self.lookout, self.bell)
        self.writer = Writer(self.hub.announce)
        self._users = DatabaseThread("users")
        self.credentials = Credentials(self._users)
        self.application = URLRouter(websocket_urlpatterns(self.hub, self.writer))

    async def __aenter__(self) -> Self:
        self.lookout.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.writer.close()
        await self.bell.close()
        await self.hub.close()
        await self.lookout.close()
        self._users.close()

    @asynccontextmanager
    async def socket(
        self, room: str, user: Any = None, *, full: bool = True, extensions: Frame | None = None, ticket: Any = None
    ) -> "AsyncIterator[Client]":
        """A client in that room; it leaves at the end of the block."""
        query = b"v=1" if full else b""
        async with self.connected(f"/ws/chat/{room}/", user, query, extensions, ticket) as client:
            yield client

    @asynccontextmanager
    async def connected(
        self, path: str, user: Any, query: bytes = b"v=1", extensions: Frame | None = None, ticket: Any = None,
        address: list[Any] | None = None,
    ) -> "AsyncIterator[Client]":  # fmt: skip
        """A client there; `user` may be an Actor, such as a token's. `ticket` is what `SignIn` finds beside the user,
        `address` host and port of the client."""
        client = Client(path, user or AnonymousUser(), query, extensions or {})
        client.scope |= {"ticket": ticket, "client": address}
        task = asyncio.create_task(self.application(client.scope, client.receive, client.send))  # type: ignore[arg-type]
        try:
            assert await client.event() == {"type": "websocket.accept"}
            yield client
        finally:
            client.leave()
            client.read_on()
            await asyncio.wait_for(task, DEADLINE_S)

    @asynccontextmanager
    async def hello(self, room: str, user: Any, **position: Any) -> "AsyncIterator[Client]":
        """A full client that has said where it stands; its next frame is `open`."""
        async with self.socket(room, user) as client:
            client.say(type="hello", **position)
            yield client


class Client:
    """The other end of one socket. Waits for what comes, never for a time."""

    def __init__(self, path: str, user: Any, query: bytes, extensions: Frame) -> None:
        self.scope: Frame = {
            "type": "websocket", "path": path, "headers": [], "query_string": query, "extensions": extensions,
            "actor" if isinstance(user, Actor) else "user": user,
        }  # fmt: skip
        self._to_server: asyncio.Queue[Frame] = asyncio.Queue()
        self._from_server: asyncio.Queue[Frame] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()
        self._to_server.put_nowait({"type": "websocket.connect"})

    # What the server calls

    async def receive(self) -> Frame:
        return await self._to_server.get()

    async def send(self, event: Frame) -> None:
        await self._reading.wait()
        self._from_server.put_nowait(event)

    # What the client does

    def say(self, **frame: Any) -> None:
        """Send this JSON object."""
        self.say_text(json.dumps(frame))

    def say_text(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "bytes": data})

    def leave(self) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})

    def stop_reading(self) -> None:
        """From now on nothing that the server sends gets through."""
        self._reading.clear()

    def read_on(self) -> None:
        self._reading.set()

    async def event(self) -> Frame:
        """The next ASGI event from the server."""
        return await asyncio.wait_for(self._from_server.get(), DEADLINE_S)

    async def frame(self) -> Frame:
        """The next frame, which must not be the end."""
        event = await self.event()
        assert event["type"] == "websocket.send", event
        frame: Frame = json.loads(event["text"])
        return frame

    async def frames(self, count: int) -> list[Frame]:
        """The next frames."""
        return [await self.frame() for _ in range(count)]

    async def until(self, *types: str) -> list[Frame]:
        """All frames up to the first of one of these types."""
        found = [await self.frame()]
        while found[-1]["type"] not in types:
            found.append(await self.frame())
        return found

    async def only(self, kind: str) -> Frame:
        """The next frame, which must be of this type."""
        frame = await self.frame()
        assert frame["type"] == kind, frame
        return frame

    async def error(self) -> tuple[str, str | None]:
        """The next frame, which must be an error: its code and what it is about."""
        frame = await self.only("error")
        assert frame["detail"] == frame["message"], "a plain client shows it as a message"
        assert frame["username"] == "Roomline"
        return frame["code"], frame["client_id"]

    async def closed(self) -> int:
        """The code with which the server closes; nothing comes in between."""
        event = await self.event()
        assert event["type"] == "websocket.close", event
        code: int = event["code"]
        return code

    def waiting(self) -> list[Frame]:
        """The frames that have come and were not looked at yet."""
        return [json.loads(self._from_server.get_nowait()["text"]) for _ in range(self._from_server.qsize())]


def in_a_site(check: Callable[[Site], Awaitable[None]]) -> None:
    """The check, in an event loop with a site of its own."""

    async def run() -> None:
        async with Site() as site:
            await check(site)

    asyncio.run(run())
