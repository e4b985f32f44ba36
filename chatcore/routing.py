"""The chat's ASGI application: the pages that are handed in, and the sockets of the rooms."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from channels.routing import URLRouter
from django.apps import apps
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.urls import path, re_path

from chatcore import metrics, mount
from chatcore.api import Api, Process
from chatcore.bell import Bell
from chatcore.clock import Clock
from chatcore.consumers import ChatConsumer, SignIn, UnknownPath
from chatcore.credentials import Credentials, is_local
from chatcore.database import DatabaseThread
from chatcore.endpoints import Endpoints
from chatcore.feed import Lookout
from chatcore.health import Health, Parts, Pulse
from chatcore.hub import Hub
from chatcore.limits import Limits
from chatcore.origins import SameOrigin
from chatcore.writer import Writer

ASGIApplication = Callable[..., Awaitable[Any]]


def websocket_urlpatterns(hub: Hub, writer: Writer, limits: Limits | None = None) -> list[Any]:
    """The sockets' routes, for a site that composes its own ASGI application. `limits`: those of the process."""
    consumer = ChatConsumer.as_asgi(hub=hub, writer=writer, limits=limits or Limits())
    return [path(f"{mount.SOCKETS}<str:room>/", consumer), re_path("", UnknownPath())]  # type: ignore[arg-type]


class ChatApplication:
    """What one process has of the live chat: it belongs to the event loop in which it starts."""

    def __init__(self, http: ASGIApplication, websocket: ASGIApplication | None = None) -> None:
        self._http, self._websocket = http, websocket
        if settings.DEBUG and apps.is_installed("django.contrib.staticfiles"):
            self._http = ASGIStaticFilesHandler(cast(Any, http))  # as Django's runserver does
        self._rooms: ASGIApplication | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.start()
        assert self._rooms is not None
        path = scope["path"].removeprefix("/") if is_local(scope) else mount.below(scope)
        if scope["type"] == "http":
            await self._answer(scope, receive, send, path)
        elif self._websocket is not None and not is_local(scope) and not (path or "").startswith(mount.SOCKETS):
            await self._websocket(scope, receive, send)
        else:
            await self._rooms({**scope, "path_remaining": path or ""}, receive, send)

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any, path: str | None) -> None:
        """One request: to what is the chat's before Django, or to the pages."""
        if self._api.answers(scope, path):
            await self._api(scope, receive, send, path or "")
            return
        asked = {**scope, "path": f"/{path}"}
        if path is not None and self._endpoints.answers(asked):
            await self._endpoints(asked, send)
        elif is_local(scope):  # which has no pages, and so no address
            await self._api(scope, receive, send, path or "")
        else:
            await self._http(scope, receive, send)

    def start(self) -> None:
        """Begin, in the running loop. A server that does not call it, nor knows ASGI's lifespan, starts it late: by
        its first connection."""
        if self._rooms is None:
            self._rooms = self._composed()

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
        self._users = DatabaseThread("users")
        limits = Limits()
        self._credentials = Credentials(self._users, limits)
        self._clock = Clock(self._hub, self._credentials)
        self._clock.start()
        self._pulse = Pulse(self._bell)
        parts = Parts(self._hub, self._writer, self._clock, self._bell)
        self._health = Health(parts)
        self._endpoints = Endpoints(parts, self._health)
        user_login_failed.connect(_count_refused_sign_in, dispatch_uid="chatcore.routing")
        self._api = Api(Process(self._hub, self._writer, self._bell, limits, self._credentials))
        rooms = URLRouter(websocket_urlpatterns(self._hub, self._writer, limits))
        sockets: ASGIApplication = SameOrigin(SignIn(rooms, self._users, self._credentials))
        return sockets

    async def settle(self) -> None:
        """Store and acknowledge what was posted so far. Called before the sockets are closed."""
        if self._rooms is not None:
            self._health.draining = True
            self._endpoints.close()
            self._api.close()
            self._hub.presence.keep()
            await self._writer.settled()

    async def close(self) -> None:
        """Store what waits, ring for it, let go of everything. Called when the sockets are closed."""
        if self._rooms is None:
            return
        await self._pulse.close()
        await self._clock.close()
        await self._writer.close()
        await self._bell.close()
        await self._hub.close()
        await self._lookout.close()
        self._users.close()


def _count_refused_sign_in(sender: object, **facts: object) -> None:
    metrics.sign_ins_refused.add()


def chat_application(http: ASGIApplication, websocket: ASGIApplication | None = None) -> ChatApplication:
    """The application for `asgi.py`: `http` serves the pages.

    `websocket` gets the sockets that are not the chat's, where a site has others beside; it looks after their origins
    and their sessions itself.
    """
    return ChatApplication(http, websocket)
