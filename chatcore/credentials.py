"""Who a request comes from that brings no cookie: a token, or a program of this machine by the server's own socket.

A secret that comes in here is compared and forgotten: it is in no error and no log.
"""

import asyncio
import hmac
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from chatcore.actors import SYSTEM, Actor
from chatcore.database import DatabaseThread
from chatcore.exceptions import NotSignedIn, Unavailable
from chatcore.history.tokens import TokenView, live_token, tokens_numbered
from chatcore.limits import Limits
from chatcore.services.tokens import note_use
from chatcore.token_texts import digest_of, read_token_text

Scope = dict[str, Any]

#: By which chatcli.server marks what came over its own socket from its owner or root.
LOCAL_PEER = "roomline.peer"

#: Seconds for which a token that was looked up is not looked up again.
_KEPT_FOR = 1.0
#: Tokens that are kept at most.
_MOST_KEPT = 10_000
#: The last use is kept in the database exact to this.
_USE_EXACT_TO = timedelta(minutes=1)

_MALFORMED = "this is no token, which looks like rl_ID_SECRET: send it as Authorization: Bearer TOKEN"


class Credentials:
    """Made once a process. Tokens are looked up in `thread`, at most about once a second each."""

    def __init__(self, thread: DatabaseThread, limits: Limits | None = None) -> None:
        """`limits`: those of the process."""
        self._thread, self._limits = thread, limits or Limits()
        self._kept: dict[str, tuple[float, TokenView]] = {}
        self._looking: dict[str, asyncio.Task[TokenView | None]] = {}
        self._used: set[str] = set()

    async def actor(self, scope: Scope) -> Actor | None:
        """Who the request or the socket comes from: the token that it brings, else SYSTEM for a program of this
        machine, else None: it brings nothing.

        NotSignedIn, with the reason, for what is no token, or none that holds; RateLimited for an address that brings
        too many of those; Unavailable.
        """
        text = _presented(scope)
        if text is not None:
            return (await self._token(text, "token", (scope.get("client") or [None])[0])).actor
        return SYSTEM if is_local(scope) else None

    async def hook(self, text: str, host: str | None = None) -> tuple[Actor, str]:
        """Who posts by a hook's address, whose last part is `text`, and the name of its room. `host`: the
        client's address. NotSignedIn, RateLimited, Unavailable."""
        token = await self._token(text, "hook", host)
        if token.room is None:  # the room is gone
            raise NotSignedIn("the room of this hook was deleted: ask for a new one")
        return token.actor, token.room

    def save_uses(self, *, timeout: float) -> None:
        """Keep when tokens were used; for a thread of its own. Where that fails they are kept at their next use."""
        self._used, used = set(), self._used
        if used:
            note_use(used, timezone.now(), timeout=timeout)

    async def _token(self, text: str, kind: str, host: str | None) -> TokenView:
        given = read_token_text(text)
        if given is None:
            raise NotSignedIn(_MALFORMED)
        token = await self._found(given.id, host)
        known = hmac.compare_digest(digest_of(given.secret), token.digest if token is not None else "")
        token = live_token(token if known and token is not None and token.kind == kind else None)
        if token.last_used_at is None or timezone.now() - token.last_used_at > _USE_EXACT_TO:
            self._used.add(token.id)
        return token

    async def _found(self, token_id: str, host: str | None) -> TokenView | None:
        looked, kept = self._kept.get(token_id, (0.0, None))
        if kept is not None and time.monotonic() - looked < _KEPT_FOR:
            return kept
        if kept is not None:
            return await self._looked_up(token_id)
        # Ids can be made up for ever, and the thread that would look for them is the one that signs people in
        self._limits.spend_guess(host)
        if (found := await self._looked_up(token_id)) is not None:
            self._limits.regain_guess(host)
        return found

    async def _looked_up(self, token_id: str) -> TokenView | None:
        task = self._looking.get(token_id)
        if task is None:  # who asks for the same meanwhile waits for the same answer
            task = self._looking[token_id] = asyncio.create_task(self._look(token_id))
            task.add_done_callback(lambda _: self._looking.pop(token_id))
        return await asyncio.shield(task)

    async def _look(self, token_id: str) -> TokenView | None:
        looked = time.monotonic()
        try:
            found = await self._thread.run(tokens_numbered, [token_id])
        except Unavailable:  # perhaps only this connection, which is closed now
            found = await self._thread.run(tokens_numbered, [token_id])
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        for token in found.values():
            self._kept[token_id] = looked, token
        return found.get(token_id)


def is_local(scope: Scope) -> bool:
    """Whether it came over the server's own socket, which only the server's owner and root can use."""
    return LOCAL_PEER in (scope.get("extensions") or {})


def _presented(scope: Scope) -> str | None:
    """The text that is presented as a token; None if there is no Authorization. NotSignedIn for one of another form."""
    headers = list(_values(scope, b"authorization"))
    if not headers:
        return None
    scheme, _, given = headers[0].partition(" ")
    given = given.strip()
    if len(headers) == 1 and scheme.lower() == "bearer":
        return given
    if len(headers) == 1 and scheme.lower() == "basic":
        password = _password(given)
        if read_token_text(password) or not any(_values(scope, b"cookie")):
            return password
        return None  # a browser's, for a proxy that asks for passwords itself
    raise NotSignedIn(_MALFORMED)


def _values(scope: Scope, header: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == header)


def _password(given: str) -> str:
    """The password of Basic (RFC 7617), where the name before it may be any; empty for what is of another form."""
    try:
        return b64decode(given, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        return ""
