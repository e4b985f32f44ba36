"""Who may not be in a room any more although a socket of his still is: he was removed, banned or switched off, the room
was made private, or he has signed out. And who has another standing there by now, or finds the room changed."""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

from chatcore.actors import Actor
from chatcore.exceptions import ChatError, Unavailable
from chatcore.history.signed_in import Account, Accounts, Ticket, live_sessions
from chatcore.history.standing import Callers, Key, Place, places_of
from chatcore.history.tokens import tokens_numbered
from chatcore.hub.hub import Hub

logger = logging.getLogger(__name__)

#: Seconds between two looks, and between two that were asked for.
EVERY, SOON = 3.0, 0.5
#: Looks for each nudge: Django tells of a sign-out a moment before the session is gone.
_LOOKS = 2


class News(NamedTuple):
    """By room and visitor: who is to be shown out, and why; who is another one by now, or was not looked at yet.
    And the sign-ins that are over, whose sockets are to be closed in all rooms."""

    refused: Mapping[Key, ChatError]
    renewed: Mapping[Key, Place]
    ended: frozenset[Ticket]


_NOTHING = News({}, {}, frozenset())


class Sweep:
    """One look for all sockets of this process, by the clock's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked = 0.0
        self._wanted = 0
        self._trouble = False
        self._accounts = Accounts()
        #: What was told of each, with the number of the last socket that it was told to.
        self._told: dict[Key, tuple[object, int]] = {}

    def nudge(self) -> None:
        """Look soon: somebody's account, session or standing has changed. However many ask, it costs two looks a
        second. For any thread."""
        self._wanted = _LOOKS

    def look(self, now: float) -> News:
        """What is new; every three seconds, or soon after it was asked for. `now` is of `time.monotonic`."""
        if now - self._looked < (SOON if self._wanted else EVERY):
            return _NOTHING
        self._looked, self._wanted = now, max(0, self._wanted - 1)
        visitors = self._hub.visitors()
        tickets = self._hub.tickets()  # before the accounts are read, or a new password would seem an old one
        latest = {
            (room_id, actor.label): visit for room_id, found in visitors.items() for visit, actor in found.items()
        }
        of_rooms = {room_id: list(of_room.values()) for room_id, of_room in visitors.items()}
        callers = self._callers({actor for of_room in of_rooms.values() for actor in of_room}, tickets)
        found = places_of(of_rooms, callers) if visitors else {}
        refused = {key: place for key, place in found.items() if isinstance(place, ChatError)}
        granted = {key: place for key, place in found.items() if isinstance(place, Place)}
        before, self._told = self._told, {key: (_facts(place), latest[key]) for key, place in granted.items()}
        renewed = {key: granted[key] for key, told in self._told.items() if before.get(key) != told}
        return News(refused, renewed, self._ended(tickets, callers.accounts))

    def _callers(self, actors: Collection[Actor], tickets: Collection[Ticket]) -> Callers:
        """The accounts and the tokens of these people and programs, as they are now."""
        ids = {actor.id for actor in actors if actor.type == "user"} | {ticket.account_id for ticket in tickets}
        tokens = {actor.id for actor in actors if actor.is_token}
        return Callers(self._accounts.look(ids), tokens_numbered(tokens) if tokens else {})

    def _ended(self, tickets: frozenset[Ticket], accounts: Mapping[str, Account]) -> frozenset[Ticket]:
        """Those of which the session is over, or whose account has another password."""
        try:
            live = live_sessions({ticket.session_key for ticket in tickets})
        except Unavailable as error:  # nobody is closed for that, and all else goes on
            if not self._trouble:
                logger.warning("%s; until then, sockets of who signs out stay open", error)
            self._trouble = True
            live = {ticket.session_key for ticket in tickets}
        else:
            self._trouble = False
        hashes = {account_id: account.hash for account_id, account in accounts.items()}
        return frozenset(
            ticket
            for ticket in tickets
            if ticket.session_key not in live or hashes.get(ticket.account_id) != ticket.account_hash
        )


def _facts(place: Place) -> object:
    """What a socket is told of the room and of its person there: not how far the log has come."""
    (room, standing), actor = place
    return (
        room.name, room.title, room.topic, room.private, room.announce_only, room.archived, room.max_length,
        standing, actor.is_staff, actor.is_superuser, actor.grant,
    )  # fmt: skip
