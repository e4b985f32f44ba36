"""Whether people who are in rooms may still be there, and what they are in them now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from chatcore.actors import Actor
from chatcore.exceptions import ChatError, NotSignedIn
from chatcore.history.people import standings
from chatcore.history.rooms import Access, rooms_numbered
from chatcore.history.signed_in import Account
from chatcore.history.tokens import TokenView, live_token
from chatcore.permissions import NOBODY, check_read

#: People in one query, well below what a database takes.
_AT_ONCE = 2000

#: A room's id, and who is there, as `Actor.label` has it.
Key = tuple[int, str]


class Place(NamedTuple):
    """What somebody has access to, and who he is by now."""

    access: Access
    actor: Actor


class Callers(NamedTuple):
    """Those by whom people and programs may act now: accounts that are not switched off, and tokens, ended ones too."""

    accounts: Mapping[str, Account]
    tokens: Mapping[str, TokenView]


def places_of(visitors: Mapping[int, Sequence[Actor]], callers: Callers) -> dict[Key, Place | ChatError]:
    """By room and visitor, where each of these visitors is, or why he may not read there any more.

    A few queries for any number of them. Of a room that is gone nothing is said: who follows it notices.
    """
    rooms = rooms_numbered(visitors)
    pairs = iter([(room_id, actor) for room_id, actors in visitors.items() for actor in actors])
    found: dict[Key, Place | ChatError] = {}
    while some := list(islice(pairs, _AT_ONCE)):
        standing_of = standings(some)
        for room_id, visitor in some:
            if (room := rooms.get(room_id)) is None:
                continue
            key = (room_id, visitor.label)
            try:
                actor, standing = _now(visitor, callers), standing_of.get((room_id, visitor.id), NOBODY)
                check_read(actor, room, standing)
                found[key] = Place(Access(room, standing), actor)
            except ChatError as error:
                found[key] = error
    return found


def _now(visitor: Actor, callers: Callers) -> Actor:
    """The visitor with the rights that he has now; NotSignedIn if his account is gone or switched off, or his token
    has ended."""
    if visitor.is_token:
        return live_token(callers.tokens.get(visitor.id)).actor
    if visitor.type != "user":
        return visitor
    account = callers.accounts.get(visitor.id)
    if account is None:
        raise NotSignedIn("this account is switched off or gone")
    if (visitor.is_staff, visitor.is_superuser) == (account.is_staff, account.is_superuser):
        return visitor
    return replace(visitor, is_staff=account.is_staff, is_superuser=account.is_superuser)
