"""Tokens as those see them who let programs in: what each may, and whether it still holds."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import QuerySet
from django.utils import timezone

from chatcore.actors import ABILITIES, Actor, Grant
from chatcore.exceptions import NotFound, NotSignedIn
from chatcore.models import Token
from chatcore.names import storable

State = Literal["live", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token without its secret. `room` is the name of a hook's room, None for other tokens."""

    id: str
    name: str
    kind: str
    grant: Grant
    room: str | None
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    digest: str = field(repr=False)

    @property
    def state(self) -> State:
        """What it is at this moment."""
        if self.revoked_at is not None:
            return "revoked"
        over = self.grant.expires_at is not None and self.grant.expires_at <= timezone.now()
        return "expired" if over else "live"

    @property
    def actor(self) -> Actor:
        """Who acts by it."""
        return Actor("token", self.id, self.name, self.name, grant=self.grant)


def tokens(*, revoked: bool = False) -> list[TokenView]:
    """All tokens by name, those that have expired too, and those that were revoked if asked for."""
    found = Token.objects.order_by("name", "created_at")
    return _views(found if revoked else found.filter(revoked_at__isnull=True))


def tokens_numbered(ids: Iterable[str]) -> dict[str, TokenView]:
    """The tokens of these public ids that there are, ended ones too, in two queries for any number."""
    return {view.id: view for view in _views(Token.objects.filter(pk__in=list(ids)))}


def token_named(name: str) -> TokenView:
    """The token of this name that was not revoked; NotFound with near matches."""
    known = Token.objects.filter(revoked_at__isnull=True)
    found = _views(known.filter(name=storable(name)))
    if not found:
        near = difflib.get_close_matches(name, list(known.values_list("name", flat=True)), 3, 0.6)
        raise NotFound("token", name, near)
    return found[0]


_REASONS = {"revoked": "this token was revoked: ask for a new one", "expired": "this token has expired: ask for one"}


def live_token(token: TokenView | None) -> TokenView:
    """The token; NotSignedIn, with the reason, if there is none or it has ended."""
    if token is None:
        raise NotSignedIn("there is no such token: was it copied whole?")
    if (state := token.state) != "live":
        raise NotSignedIn(_REASONS[state])
    return token


def _views(found: QuerySet[Token]) -> list[TokenView]:
    return [_view(token) for token in found.prefetch_related("rooms")]


def _view(token: Token) -> TokenView:
    rooms = sorted(token.rooms.all(), key=lambda room: room.name_key)
    may = {"read": token.can_read, "send": token.can_send}
    can = tuple(ability for ability in ABILITIES if may[ability])
    keys = tuple(room.name_key for room in rooms)
    grant = Grant((*keys, *token.globs), can, token.rate or None, token.expires_at)
    room = rooms[0].name if rooms and token.kind == Token.Kind.HOOK else None
    return TokenView(
        token.pk, token.name, token.kind, grant, room,
        token.created_at, token.revoked_at, token.last_used_at, token.digest,
    )  # fmt: skip
