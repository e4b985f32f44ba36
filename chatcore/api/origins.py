"""Which web pages of other hosts may use the API from a browser (CORS, https://fetch.spec.whatwg.org/#cors-protocol):
those of `CHAT_API_ORIGINS`. A page needs a token as any program does: no cookie counts."""

from collections.abc import Iterable

from chatcore import conf
from chatcore.api.answers import Headers, Reply
from chatcore.api.requests import Scope

_ASKED = b"authorization, content-type, idempotency-key, last-event-id"
_SHOWN = b"retry-after, www-authenticate, allow"
#: Seconds for which a browser need not ask again.
_KEPT = b"600"


def is_allowed(scope: Scope) -> bool:
    """Whether the request comes from a page of another site that may use the API."""
    return bool(conf.settings.API_ORIGINS) and _origin(scope).decode("latin-1") in conf.settings.API_ORIGINS


def cors_headers(scope: Scope) -> Headers:
    """By which a browser lets such a page read the answer; caches are told that it is not the same for all."""
    if not conf.settings.API_ORIGINS:
        return []
    vary = (b"vary", b"origin")
    if not is_allowed(scope):
        return [vary]
    return [vary, (b"access-control-allow-origin", _origin(scope)), (b"access-control-expose-headers", _SHOWN)]


def preflight(methods: Iterable[str]) -> Reply:
    """What a browser is told that asks for a page before it sends a request of one of these methods."""
    allowed = ", ".join(methods).encode()
    headers = [
        (b"access-control-allow-methods", allowed), (b"access-control-allow-headers", _ASKED),
        (b"access-control-max-age", _KEPT),
    ]  # fmt: skip
    return Reply(b"", 204, headers)


def _origin(scope: Scope) -> bytes:
    return next((value for name, value in scope["headers"] if name == b"origin"), b"")
