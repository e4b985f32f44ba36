"""What the sockets of a room have been told of who is there, and the event that tells them what is new."""

from chatcore.events import Presence, Present
from chatcore.history.presence import People


class Attendance:
    """Nothing is known until the first look at the database."""

    def __init__(self, room: str) -> None:
        #: Its name.
        self.room = room
        self._known: People | None = None

    @property
    def known(self) -> bool:
        return self._known is not None

    def news(self, now: People) -> Presence | None:
        """What is to be told to those who know what was there before: a delta, or the whole where there is none."""
        before, self._known = self._known, now
        if before is None or (before.people is None and now.people is not None):
            return self.whole(None)
        if now.people is None or before.people is None:
            return Presence(room=self.room, count=now.count) if now != before else None
        were, are = ({person.id: person for person in state.people or ()} for state in (before, now))
        joined = [person for person in now.people if were.get(person.id) != person]
        left = [person_id for person_id in were if person_id not in are]
        if not joined and not left:
            return None
        return Presence(room=self.room, count=now.count, joined=joined, left=left)

    def whole(self, newcomer: Present | None) -> Presence | None:
        """Everything for who has just come, and counts already; None while nothing is known."""
        if self._known is None:
            return None
        count, people = self._known.count, self._known.people
        if people is not None and newcomer is not None and newcomer.id not in {person.id for person in people}:
            count, people = count + 1, [*people, newcomer]
        return Presence(room=self.room, count=count, people=people)
