"""From where a browser may open a socket: the pages of this very host, and `CSRF_TRUSTED_ORIGINS`."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

_LOOPBACK = [".localhost", "127.0.0.1", "[::1]"]


class SameOrigin:
    """ASGI middleware for WebSockets: a foreign, `null` or doubled Origin is refused in the handshake (403).

    A request without one comes from a program, for browsers always send it (RFC 6455, section 10.2).
    """

    def __init__(self, application: Callable[..., Awaitable[Any]]) -> None:
        self._application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[Any]:
        """Hand on or refuse."""
        headers = scope.get("headers", [])
        origins = [value.decode("latin1") for name, value in headers if name == b"origin"]
        hosts = [value.decode("latin1") for name, value in headers if name == b"host"]
        if len(hosts) == 1 and len(origins) < 2 and _is_allowed(hosts[0], origins[0] if origins else None):
            return self._application(scope, receive, send)  # without a coroutine that lives as long as the socket
        return _refuse(receive, send)


async def _refuse(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


def _is_allowed(host: str, origin: str | None) -> bool:
    allowed = settings.ALLOWED_HOSTS or (_LOOPBACK if settings.DEBUG else [])
    if not validate_host(split_domain_port(host)[0], allowed):
        return False
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
