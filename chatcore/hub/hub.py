"""The rooms that somebody in this process is in."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from chatcore.actors import Actor
from chatcore.bell import Batch, Bell
from chatcore.exceptions import ChatError, NotSignedIn
from chatcore.feed import Lookout
from chatcore.history import RoomView
from chatcore.history.presence import People
from chatcore.history.signed_in import Ticket
from chatcore.history.standing import Key, Place
from chatcore.hub.room import RoomHub
from chatcore.presence import Share


class Hub:
    """Made once a process and handed to each consumer."""

    def __init__(self, lookout: Lookout, bell: Bell) -> None:
        self.lookout = lookout
        self.presence = Share()
        self._bell = bell
        lookout.listener.own = bell.origin  # `announce` and `whisper` have told everybody here
        self._rooms: dict[int, RoomHub] = {}

    def room(self, view: RoomView) -> RoomHub:
        """The hub of this room, started if nobody is in it yet."""
        hub = self._rooms.get(view.id)
        if hub is None:
            hub = self._rooms[view.id] = RoomHub(self.lookout, view, self._forget)
        return hub

    def announce(self, batches: Sequence[Batch]) -> None:
        """What this process has committed: to its own sockets at once, to other processes by the bell."""
        for batch in batches:
            self.lookout.heard(batch)
        self._bell.ring(batches)

    def whisper(self, room: RoomHub, payload: bytes) -> None:
        """Something fleeting, such as typing: to all who are there now, here and in other processes."""
        room.whisper(payload)
        self._bell.whisper(room.id, room.epoch, payload)

    def sockets(self) -> dict[str, int]:
        """How many sockets are live here, by what their clients understand, and how many are on their way in; for any
        thread."""
        found = {"full": 0, "plain": 0, "stream": 0, "entering": 0}
        for room in list(self._rooms.values()):
            for kind, count in room.sockets.items():
                found[kind] += count
        return found

    def rooms(self) -> dict[int, bool]:
        """The rooms that somebody is in here, and whether their sockets know who is there; for any thread."""
        return {room.id: room.attendance.known for room in list(self._rooms.values())}

    def attend(self, found: Mapping[int, People]) -> None:
        """Who is in which room now, by all servers."""
        for room_id, people in found.items():
            if (room := self._rooms.get(room_id)) is not None:
                room.attend(people)

    def visitors(self) -> dict[int, dict[int, Actor]]:
        """Who has sockets here, by room and by the number of the latest socket; for any thread."""
        return {room.id: room.visitors for room in list(self._rooms.values())}

    def show_out(self, refused: Mapping[Key, ChatError]) -> None:
        """Close the sockets of who may not be there any more, by room and visitor."""
        for (room_id, visitor), error in refused.items():
            if (room := self._rooms.get(room_id)) is not None:
                room.show_out(visitor, error)

    def tickets(self) -> frozenset[Ticket]:
        """What those who have sockets here came in by; for any thread."""
        return frozenset().union(*(room.tickets for room in list(self._rooms.values())))

    def sign_out(self, tickets: Collection[Ticket]) -> None:
        """Close the sockets that came in by one of these, in all rooms."""
        for room in list(self._rooms.values()):
            room.sign_out(tickets, NotSignedIn("you are signed out: sign in again"))

    def renew(self, renewed: Mapping[Key, Place]) -> None:
        """Tell the sockets of each what the room is now and what he may do in it, by room and visitor."""
        for (room_id, visitor), (access, actor) in renewed.items():
            if (room := self._rooms.get(room_id)) is not None:
                room.renew(visitor, access, actor)

    async def reached(self, events: Sequence[tuple[int, int]]) -> int:
        """How many sockets here have got all these events (room id and rev), as soon as their rooms have."""
        return sum([await self._rooms[room_id].reached(rev) for room_id, rev in events if room_id in self._rooms])

    async def close(self) -> None:
        """Let go of all rooms."""
        rooms = list(self._rooms.values())
        for room in rooms:
            room.stop()
        await asyncio.gather(*(room.task for room in rooms), return_exceptions=True)

    def _forget(self, room: RoomHub) -> None:
        if self._rooms.get(room.id) is room:
            del self._rooms[room.id]
