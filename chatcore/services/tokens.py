"""Tokens are made and revoked here. What is stored of a secret is its digest: nothing here or elsewhere can show it
again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone

from chatcore.actors import ABILITIES
from chatcore.exceptions import BadRequest, TokenExists
from chatcore.history import room_named
from chatcore.history.tokens import TokenView, token_named, tokens_numbered
from chatcore.models import Room, Token
from chatcore.names import room_key
from chatcore.rates import parsed_rate
from chatcore.services.posts import check_text
from chatcore.services.transaction import writing
from chatcore.token_texts import digest_of, new_token_text

_LONGEST_NAME, _LONGEST_RATE, _LONGEST_GLOB, _MOST_ROOMS = 150, 50, 64, 100
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A token and its text, which is known at this moment alone."""

    token: TokenView
    text: str = field(repr=False)


def is_pattern(room: str) -> bool:
    """Whether these are perhaps many rooms, and no name of one."""
    return not _WILDCARDS.isdisjoint(room)


def create_token(
    name: str,
    rooms: Sequence[str],
    *,
    can: Collection[str] = ABILITIES,
    expires_at: datetime | None = None,
    rate: str | None = None,
    timeout: float = 5.0,
) -> CreatedToken:
    """Make a token for these rooms: names of rooms that there are, and globs, which mean public rooms alone.

    BadRequest, RoomNotFound, TokenExists.
    """
    return _create(Token.Kind.TOKEN, name, rooms, can, expires_at, rate, timeout)


def create_hook(
    name: str,
    room: str,
    *,
    expires_at: datetime | None = None,
    rate: str | None = None,
    timeout: float = 5.0,
) -> CreatedToken:
    """Make a token that sends into this room, by an address that holds its whole text.

    BadRequest, RoomNotFound, TokenExists.
    """
    if is_pattern(room):
        raise BadRequest("a hook is for one room: name it whole")
    return _create(Token.Kind.HOOK, name, [room], ("send",), expires_at, rate, timeout)


def _create(
    kind: str,
    name: str,
    rooms: Sequence[str],
    can: Collection[str],
    expires_at: datetime | None,
    rate: str | None,
    timeout: float,
) -> CreatedToken:
    _check(name, rooms, can, expires_at, rate)
    named = [room_named(room) for room in rooms if not is_pattern(room)]
    text = new_token_text()
    try:
        with writing(timeout, lambda batches: None):
            token = Token.objects.create(
                id=text.id, kind=kind, name=name, digest=digest_of(text.secret),
                globs=[room_key(room) for room in rooms if is_pattern(room)],
                can_read="read" in can, can_send="send" in can, rate=rate or "", expires_at=expires_at,
            )  # fmt: skip
            token.rooms.set(Room.objects.filter(pk__in=[room.id for room in named]))
    except IntegrityError as error:
        raise TokenExists(name) from error
    return CreatedToken(tokens_numbered([text.id])[text.id], str(text))


def revoke_token(name: str, *, timeout: float = 5.0) -> TokenView:
    """End the token of this name: what came in by it is closed within seconds. NotFound."""
    with writing(timeout, lambda batches: None):
        found = token_named(name)
        Token(pk=found.id, revoked_at=timezone.now()).save(update_fields=["revoked_at"])
    return tokens_numbered([found.id])[found.id]


def note_use(ids: Collection[str], used_at: datetime, *, timeout: float = 5.0) -> None:
    """Keep when these tokens were last used."""
    with writing(timeout, lambda batches: None):
        Token.objects.filter(pk__in=ids).update(last_used_at=used_at)


def _check(
    name: str, rooms: Sequence[str], can: Collection[str], expires_at: datetime | None, rate: str | None
) -> None:
    check_text(name, _LONGEST_NAME, "the name")
    if not name.isprintable() or name != name.strip():
        raise BadRequest("the name of a token has printable characters, and no blank at its ends")
    if not can or not set(can) <= set(ABILITIES):
        raise BadRequest("a token may read or send or both: say which")
    if not 1 <= len(rooms) <= _MOST_ROOMS:
        raise BadRequest("a token is for 1 to 100 rooms or globs: name them")
    for room in rooms:
        check_text(room, _LONGEST_GLOB, "the name of a room")
    if expires_at is not None and expires_at <= timezone.now():
        raise BadRequest("the token would have expired before it is made: give it a later time")
    _check_rate(rate)


def _check_rate(rate: str | None) -> None:
    if rate is None:
        return
    check_text(rate, _LONGEST_RATE, "the rate")
    try:
        parsed_rate(rate)
    except ValueError as error:
        raise BadRequest(str(error)) from error
