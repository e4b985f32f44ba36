"""What the API answers: a status, headers, a body. Refusals are `{"type": "error", ...}` with the error's status."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from chatcore import metrics
from chatcore.api.shapes import Error
from chatcore.exceptions import ChatError, RateLimited, TooLong, Unavailable
from chatcore.names import storable
from chatcore.token_texts import without_secrets

Headers = list[tuple[bytes, bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"
#: Seconds after which a client may try again what failed only for now.
_TRY_AGAIN = 1
#: Has no body, nor what describes one (RFC 9110, section 15.3.5).
_NO_CONTENT = 204
_ALWAYS: Headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `content` is anything that msgspec makes JSON of, or bytes that are sent as they are."""

    content: Any
    status: int = 200
    headers: Headers | None = None
    media: bytes = JSON


def refusal(error: ChatError) -> Reply:
    """What a client is told of the error. What it names came from outside: JSON has no half surrogate pairs, and what
    a client writes into its own log is no place for the secret of a hook."""
    metrics.refused(error.code)
    wait: float | msgspec.UnsetType = msgspec.UNSET
    headers: Headers = list(getattr(error, "headers", ()))
    if isinstance(error, RateLimited):
        wait = math.ceil(error.wait * 1000) / 1000
        headers.append((b"retry-after", str(max(1, math.ceil(error.wait))).encode()))
    elif isinstance(error, Unavailable):
        headers.append((b"retry-after", str(_TRY_AGAIN).encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    index = getattr(error, "index", None)
    content = Error(
        code=error.code, detail=without_secrets(storable(error.detail)), retry_after=wait,
        index=msgspec.UNSET if index is None else index,
        limit=error.limit if isinstance(error, TooLong) else msgspec.UNSET,
    )  # fmt: skip
    return Reply(content, error.status, headers)


async def respond(send: Send, reply: Reply, *, head: bool = False, headers: Headers | None = None) -> None:
    """Send the reply, to HEAD without its body. `headers`: more of them."""
    body = reply.content if isinstance(reply.content, bytes) else encode(reply.content)
    all_headers = [*_ALWAYS, *(reply.headers or ()), *(headers or ())]
    if reply.status != _NO_CONTENT:
        all_headers += [(b"content-type", reply.media), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": all_headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
