"""`/healthz` and `/metrics`, before Django: whatever the Host is, and without a thread, a session or a query."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any

import msgspec
from django.http.request import split_domain_port

from chatcore import conf, workers
from chatcore.health import Health, Parts

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

HEALTH, METRICS = "/healthz", "/metrics"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
#: What proxies add: a request that has one of these came through one.
_OF_PROXIES = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"forwarded", b"via"}
_NOT_KEPT = (b"cache-control", b"no-store")


class Endpoints:
    """What machines ask of this server. `answers` says whether a request is for here."""

    def __init__(self, parts: Parts, health: Health) -> None:
        self._parts, self._health = parts, health
        if (own := workers.own()) is not None:
            own.answer(lambda: self._metrics("")[0])

    def close(self) -> None:
        """The server begins to stop."""
        if (own := workers.own()) is not None:
            own.answer_no_more()

    def answers(self, scope: Scope) -> bool:
        """Whether the path is one of ours and is shown to whoever asks. To others there is no `/metrics`."""
        path: str = scope["path"]
        return path == HEALTH or (path == METRICS and _may_see_metrics(scope))

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(scope, send, 405, b"", [(b"allow", b"GET, HEAD")])
        elif scope["path"] == HEALTH:
            healthy, report = self._health.report(time.monotonic())
            body, headers = msgspec.json.encode(report) + b"\n", [(b"content-type", b"application/json"), _NOT_KEPT]
            await _answer(scope, send, 200 if healthy else 503, body, headers)
        else:
            body, content_type = await self._shown(_header(scope, b"accept"))
            await _answer(scope, send, 200, body, [(b"content-type", content_type.encode()), _NOT_KEPT])

    async def _shown(self, accept: str) -> tuple[bytes, str]:
        """The metrics; of several workers, those of all."""
        own = workers.own()
        if own is None:
            return await asyncio.to_thread(self._metrics, accept)
        texts = await own.others()
        texts[own.number], _ = await asyncio.to_thread(self._metrics, "")
        return await asyncio.to_thread(_gathered, texts, accept)

    def _metrics(self, accept: str) -> tuple[bytes, str]:
        from chatcore.exposition import exposition  # 0.1 s the first time, which no other request shall wait for

        return exposition(self._parts, self._health, accept)


def _gathered(texts: Mapping[int, bytes | None], accept: str) -> tuple[bytes, str]:
    from chatcore.exposition import gathered

    return gathered(texts, accept)


def _may_see_metrics(scope: Scope) -> bool:
    """By CHAT_METRICS: `local` is a direct connection from this machine, to one of its own names.

    The name, because a web page may point one of its own to 127.0.0.1; and proxies usually pass on their clients'.
    """
    setting = conf.settings.METRICS
    if setting != "local":
        return setting == "all"
    if any(name.lower() in _OF_PROXIES for name, _ in scope["headers"]):
        return False
    host, _ = split_domain_port(_header(scope, b"host"))
    return host in _LOOPBACK_NAMES and _is_loopback((scope.get("client") or [""])[0])


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # the peer of a unix socket, which is a proxy
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _header(scope: Scope, name: bytes) -> str:
    """The values of this header, as one."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)


async def _answer(scope: Scope, send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
