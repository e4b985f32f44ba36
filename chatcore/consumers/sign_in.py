"""Who opens a socket, by the cookie of his session: Channels' own rules, in a thread and a middleware of ours."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.http.cookie import parse_cookie

from chatcore.database import DatabaseThread
from chatcore.exceptions import Unavailable

#: Channels' function as it is without a thread of its own.
_user: Callable[[dict[str, Any]], Any] = get_user.func  # type: ignore[attr-defined]


class SignIn:
    """ASGI middleware for WebSockets: `scope["user"]`, as `AuthMiddlewareStack` has it, and no `scope["session"]`.

    In a thread that keeps its connection: Channels' opens one for each socket, which costs more than both queries, and
    much where a thousand come back at once. In one piece: Channels' three middlewares, and the session, would be kept
    for as long as the socket is open.
    """

    def __init__(self, inner: Callable[..., Awaitable[Any]], thread: DatabaseThread) -> None:
        self._inner, self._thread = inner, thread

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Ask who it is, and hand on."""
        await self._inner({**scope, "user": await self._user(_session_key(scope))}, receive, send)

    async def _user(self, key: str | None) -> Any:
        try:
            return await self._thread.run(_user_of, key)
        except Unavailable:  # perhaps only this connection, which is closed now
            return await self._thread.run(_user_of, key)


def _session_key(scope: dict[str, Any]) -> str | None:
    cookies = next((value.decode("latin1") for name, value in scope["headers"] if name == b"cookie"), "")
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)


def _user_of(key: str | None) -> Any:
    return _user({"session": import_module(settings.SESSION_ENGINE).SessionStore(key)})
