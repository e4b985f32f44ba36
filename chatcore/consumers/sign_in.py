"""Who opens a socket: by a token, or by the cookie of his session, for which Channels' own rules hold, in a thread and
a middleware of ours."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.http.cookie import parse_cookie

from chatcore import metrics
from chatcore.credentials import Credentials
from chatcore.database import DatabaseThread
from chatcore.events import encode, refusal
from chatcore.exceptions import ChatError, Unavailable
from chatcore.history.signed_in import Ticket, account_hash
from chatcore.outlets import outlet_for

#: Channels' function as it is without a thread of its own.
_user: Callable[[dict[str, Any]], Any] = get_user.func  # type: ignore[attr-defined]


class SignIn:
    """ASGI middleware for WebSockets: `scope["user"]`, as `AuthMiddlewareStack` has it, and no `scope["session"]`.
    Instead `scope["ticket"]`, by which it is found out when that session or its account ends; None for a guest.
    And `scope["actor"]` for who brings a token instead, or uses the server's own socket: then no cookie is looked at.

    In a thread that keeps its connection: Channels' opens one for each socket, which costs more than both queries, and
    much where a thousand come back at once. In one piece: Channels' three middlewares, and the session, would be kept
    for as long as the socket is open.
    """

    def __init__(self, inner: Callable[..., Awaitable[Any]], thread: DatabaseThread, credentials: Credentials) -> None:
        self._inner, self._thread, self._credentials = inner, thread, credentials

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Ask who it is, and hand on."""
        try:
            found: dict[str, Any] = {"actor": await self._credentials.actor(scope)}
            if found["actor"] is None:
                found["user"], found["ticket"] = await self._user(_session_key(scope))
        except ChatError as error:
            await _refuse(scope, receive, send, error)
            return
        await self._inner({**scope, **found}, receive, send)

    async def _user(self, key: str | None) -> tuple[Any, Ticket | None]:
        try:
            return await self._thread.run(_user_of, key)
        except Unavailable:  # perhaps only this connection, which is closed now
            return await self._thread.run(_user_of, key)


async def _refuse(scope: dict[str, Any], receive: Any, send: Any, error: ChatError) -> None:
    """No token that holds, or it cannot be told now who it is: that is said as any refusal is."""
    await receive()
    await send({"type": "websocket.accept"})
    metrics.refused(error.code)
    outlet = outlet_for(scope, send)
    outlet.reply(encode(refusal("", error.code, error.detail)))
    await outlet.close(error.close_code)


def _session_key(scope: dict[str, Any]) -> str | None:
    cookies = next((value.decode("latin1") for name, value in scope["headers"] if name == b"cookie"), "")
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "")
    return key if key and "\0" not in key else None  # which PostgreSQL refuses to look for, and quotes may hide


def _user_of(key: str | None) -> tuple[Any, Ticket | None]:
    user = _user({"session": import_module(settings.SESSION_ENGINE).SessionStore(key)})
    if key is None or not user.is_authenticated:
        return user, None
    return user, Ticket(str(user.pk), key, account_hash(user))
