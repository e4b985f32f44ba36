"""Who is present, between this process and all others: its share goes into the database, all people come from it."""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.utils import timezone

from chatcore.events import Present
from chatcore.history.presence import People, leases, present_people
from chatcore.hub.hub import Hub
from chatcore.presence import Key
from chatcore.services import forget_leases, save_presence

#: How long a server counts as alive after its last sign, and seconds between two signs.
LEASE = timedelta(seconds=10)
_RENEW_EVERY = 3.0
#: So long after its end a lease is forgotten: servers' clocks differ.
_FORGET_AFTER = timedelta(seconds=10)
#: Seconds that presence may wait for other writers; it is tried again in the next round.
_PATIENCE = 0.5


class Census:
    """Taken by the clock's thread. `attend` is called with what has changed, in that thread."""

    def __init__(self, hub: Hub, server: str, attend: Callable[[Mapping[int, People]], None]) -> None:
        self._hub, self._attend = hub, attend
        #: A server that starts again is another one, whose people wait for it under the old one's lease.
        self.server = f"{server}:{secrets.token_hex(4)}"
        self._version = 0
        self._written: Mapping[Key, Present] = {}
        self._renewed = 0.0
        self._living: frozenset[tuple[str, int]] = frozenset()

    def take(self, now: float) -> None:
        """Write what is new here, read what is new elsewhere. `now` is of `time.monotonic`."""
        here = self._hub.presence.here(now)
        changed = here != self._written
        if changed or (here and now - self._renewed >= _RENEW_EVERY):
            self._version += changed
            until = timezone.now() + LEASE
            save_presence(self.server, self._version, until, here, self._written, timeout=_PATIENCE)
            self._written, self._renewed = here, now
        if rooms := self._hub.rooms():
            self._read(rooms)

    def _read(self, rooms: Mapping[int, bool]) -> None:
        """The people of all rooms here if those of any server have changed, else of the rooms that know nothing yet."""
        found, now = leases(), timezone.now()
        if any(lease.until < now - _FORGET_AFTER for lease in found):
            forget_leases(now - _FORGET_AFTER, timeout=_PATIENCE)
        living = frozenset((lease.server, lease.version) for lease in found if lease.until > now)
        wanted = list(rooms) if living != self._living else [room_id for room_id, known in rooms.items() if not known]
        if wanted:
            self._attend(present_people(wanted))
        self._living = living
