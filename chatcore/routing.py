"""The chat's ASGI application: the pages that are handed in, and the sockets of the rooms."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

from chatcore.bell import Bell
from chatcore.clock import Clock
from chatcore.consumers import ChatConsumer, SignIn, UnknownPath
from chatcore.database import DatabaseThread
from chatcore.feed import Lookout
from chatcore.hub import Hub
from chatcore.origins import SameOrigin
from chatcore.rates import Buckets
from chatcore.writer import Writer

ASGIApplication = Callable[..., Awaitable[Any]]


def websocket_urlpatterns(hub: Hub, writer: Writer) -> list[Any]:
    """The sockets' routes, for a site that composes its own ASGI application."""
    consumer = ChatConsumer.as_asgi(hub=hub, writer=writer, rates=Buckets())
    return [path("ws/chat/<str:room>/", consumer), re_path("", UnknownPath())]  # type: ignore[arg-type]


class ChatApplication:
    """What one process has of the live chat: it belongs to the event loop in which it starts."""

    def __init__(self, http: ASGIApplication) -> None:
        self._http = http
        self._router: ASGIApplication | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.start()
        assert self._router is not None
        await self._router(scope, receive, send)

    def start(self) -> None:
        """Begin, in the running loop. A server that does not call it, nor knows ASGI's lifespan, starts it late: by
        its first connection."""
        if self._router is None:
            self._router = self._composed()

    async def _live(self, receive: Any, send: Any) -> None:
        """ASGI's lifespan protocol, version 2.0."""
        await receive()  # lifespan.startup
        self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await self.settle()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _composed(self) -> ASGIApplication:
        self._bell = Bell()
        self._lookout = Lookout()
        self._lookout.start()
        self._hub = Hub(self._lookout, self._bell)
        self._writer = Writer(self._hub.announce)
        self._clock = Clock(self._hub)
        self._clock.start()
        self._users = DatabaseThread("users")
        rooms = URLRouter(websocket_urlpatterns(self._hub, self._writer))
        sockets: Any = SameOrigin(SignIn(rooms, self._users))
        router: ASGIApplication = ProtocolTypeRouter({"http": self._http, "websocket": sockets})
        return router

    async def settle(self) -> None:
        """Store and acknowledge what was posted so far. Called before the sockets are closed."""
        if self._router is not None:
            self._hub.presence.keep()
            await self._writer.settled()

    async def close(self) -> None:
        """Store what waits, ring for it, let go of everything. Called when the sockets are closed."""
        if self._router is None:
            return
        await self._clock.close()
        await self._writer.close()
        await self._bell.close()
        await self._hub.close()
        await self._lookout.close()
        self._users.close()


def chat_application(http: ASGIApplication) -> ChatApplication:
    """The application for `asgi.py`: `http` serves the pages."""
    return ChatApplication(http)
