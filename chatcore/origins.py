"""From where a browser may open a socket: the pages of this very host, and `CSRF_TRUSTED_ORIGINS`."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

logger = logging.getLogger(__name__)

_LOOPBACK = [".localhost", "127.0.0.1", "[::1]"]
_LONGEST = 200


class SameOrigin:
    """ASGI middleware for WebSockets: a foreign, `null` or doubled Origin is refused in the handshake (403), and so is
    a Host that is not the site's. The log has a line for each.

    A request without an Origin comes from a program, for browsers always send it (RFC 6455, section 10.2).
    """

    def __init__(self, application: Callable[..., Awaitable[Any]]) -> None:
        self._application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[Any]:
        """Hand on or refuse."""
        trouble = _trouble(scope.get("headers", []))
        if trouble is None:
            return self._application(scope, receive, send)  # without a coroutine that lives as long as the socket
        host, port = scope.get("client") or ("a unix socket", 0)
        logger.warning("refused a WebSocket from %s: 403, %s", f"{host} port {port}" if port else host, trouble)
        return _refuse(receive, send)


async def _refuse(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


def _trouble(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Why a handshake with these headers is refused, None for one that is not; for the log."""
    origins = [value.decode("latin1") for name, value in headers if name == b"origin"]
    hosts = [value.decode("latin1") for name, value in headers if name == b"host"]
    if len(hosts) != 1 or len(origins) > 1:
        return f"{len(hosts)} Host and {len(origins)} Origin headers"
    [host], allowed = hosts, settings.ALLOWED_HOSTS or (_LOOPBACK if settings.DEBUG else [])
    if not validate_host(split_domain_port(host)[0], allowed):
        return f"Host {_shown(host)} is not this site's: see ALLOWED_HOSTS"
    if not origins or _is_allowed(host, origins[0]):
        return None
    return f"Origin {_shown(origins[0])} is not {_shown(host)}, nor in CSRF_TRUSTED_ORIGINS"


def _shown(text: str) -> str:
    return ascii(text[:_LONGEST])


def _is_allowed(host: str, origin: str) -> bool:
    own = (f"http://{host}".lower(), f"https://{host}".lower())
    return origin.lower() in own or origin in settings.CSRF_TRUSTED_ORIGINS
