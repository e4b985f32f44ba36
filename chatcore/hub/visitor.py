"""Who is in a room, and what he has been told of it and of what he may do there."""

from collections.abc import Callable
from dataclasses import replace

from chatcore.actors import Actor
from chatcore.events import Open, RoomState, You
from chatcore.exceptions import ChatError
from chatcore.history import Access
from chatcore.permissions import check_delete, check_post

#: The author of a message that is nobody's here, type and id.
_SOMEBODY = ("", "")


class Visitor:
    """One person or program in one room over one socket or stream."""

    def __init__(self, access: Access, actor: Actor, read_seq: int, tell: Callable[[RoomState], None]) -> None:
        """`tell` is called with what has changed, once the visitor was let in."""
        self.access, self.actor = access, actor
        self._read_seq = read_seq
        self._tell = tell
        self._told: RoomState | None = None

    def opening(self, head: int, epoch: str) -> Open:
        """The first event, for the rev and the epoch at which the room stands."""
        view, actor, state = self.access.room, self.actor, self._state()
        self._told = state
        return Open(
            room=view.name, head=head, floor=view.floor, epoch=epoch, last_seq=view.last_seq,
            you=You(actor.type, actor.id, actor.name, actor.username), can_post=state.can_post,
            title=view.title, topic=view.topic, members=view.member_count, seq_floor=view.seq_floor,
            announce_only=view.announce_only, archived=view.archived,
            read_seq=self._read_seq, may_moderate=state.may_moderate,
        )  # fmt: skip

    def renew(self, access: Access, actor: Actor) -> None:
        """The room, or what this visitor is in it, may be another one by now."""
        self.actor = actor
        before = self.access.room
        room = replace(access.room, last_seq=before.last_seq, member_count=before.member_count)
        self.access = Access(room, access.standing)
        if self._told is not None and (state := self._state()) != self._told:
            self._told = state
            self._tell(state)

    def can_post(self) -> bool:
        """Whether he may write there."""
        return self._may(check_post)

    def _state(self) -> RoomState:
        """The room now, and whether this visitor may write in it and delete what somebody else wrote."""
        room = self.access.room
        return RoomState(
            room=room.name, title=room.title, topic=room.topic, private=room.private,
            announce_only=room.announce_only, archived=room.archived,
            can_post=self.can_post(), may_moderate=self._may(check_delete, _SOMEBODY),
        )  # fmt: skip

    def _may(self, check: Callable[..., None], *facts: object) -> bool:
        try:
            check(self.actor, self.access.room, self.access.standing, *facts)
        except ChatError:
            return False
        return True
