"""Editing, deleting, expiring: each an event of its own in the room's log."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from chatcore import bell, conf
from chatcore.actors import SYSTEM, Actor
from chatcore.bell import Batch
from chatcore.events import Delete, Edit, encode
from chatcore.exceptions import Forbidden, MessageNotFound, RoomNotFound
from chatcore.history import standings, unknown_room
from chatcore.models import Change, Message, Room
from chatcore.names import room_key
from chatcore.permissions import NOBODY, Standing, check_delete, check_edit, check_sight
from chatcore.services.locking import LockedRoom, lock_rooms, save_counters
from chatcore.services.mentions import mentioned_in
from chatcore.services.posts import check_attributes, check_text
from chatcore.services.revising import empty, revise
from chatcore.services.transaction import Announce, writing


def edit_message(
    room: str,
    seq: int,
    text: str,
    actor: Actor,
    *,
    revision: Mapping[str, Any] | None = None,
    announce: Announce = bell.ring,
    timeout: float = 5.0,
) -> Edit:
    """Give message `seq` of the room a new text, and what `revision` names: title, priority, tags, format, url.

    MessageNotFound, Forbidden, or what is wrong with the text.
    """
    revision = revision or {}
    with writing(timeout, announce) as batches:
        locked, standing = _locked([room], actor)[room_key(room)]
        message = _found(locked, seq)
        check_edit(actor, locked, standing, (message.author_type, message.author_id))
        check_text(text, locked.max_length or conf.settings.MAX_LENGTH)
        check_attributes(**revision)
        if message.deleted_at is not None:
            raise Forbidden(f"message #{seq} was deleted")
        mentions = mentioned_in([text]).get(text, [])
        event = revise(locked, message, {"text": text, "mentions": mentions, **revision}, actor)
        batches.append(_saved(locked, [event]))
    return event


def delete_message(
    room: str, seq: int, actor: Actor, *, announce: Announce = bell.ring, timeout: float = 5.0
) -> Delete:
    """Empty message `seq` of the room and keep its number. Deleting a deleted one is refused."""
    with writing(timeout, announce) as batches:
        locked, standing = _locked([room], actor)[room_key(room)]
        message = _found(locked, seq)
        check_delete(actor, locked, standing, (message.author_type, message.author_id))
        if message.deleted_at is not None:
            raise Forbidden(f"message #{seq} was deleted already")
        event = empty(locked, message, Change.Kind.DELETE, actor)
        batches.append(_saved(locked, [event]))
    return event


def clear_banners(
    rooms: Sequence[str], actor: Actor, *, announce: Announce = bell.ring, timeout: float = 5.0
) -> list[Delete]:
    """Delete the banners that stand in these rooms, all or none; what was deleted, at most one a room.

    A room's banner is the newest that was posted there: an older one does not come back.
    """
    events: list[Delete] = []
    with writing(timeout, announce) as batches:
        for locked, standing in _locked(rooms, actor).values():
            banners = Message.objects.filter(room=locked.id, kind=Message.Kind.BANNER, seq__gt=locked.seq_floor)
            banner = banners.order_by("-seq").first()
            if banner is None or banner.deleted_at is not None:
                continue
            check_delete(actor, locked, standing, (banner.author_type, banner.author_id))
            events.append(empty(locked, banner, Change.Kind.DELETE, actor))
            batches.append(_saved(locked, events[-1:]))
    return events


def expire_messages(limit: int = 500, *, announce: Announce = bell.ring, timeout: float = 5.0) -> int:
    """Empty up to `limit` messages whose time is over; how many."""
    over = Message.objects.filter(expires_at__lte=timezone.now(), deleted_at__isnull=True, seq__gt=F("room__seq_floor"))
    keys = list(Room.objects.filter(pk__in=over.values("room")).values_list("name_key", flat=True))
    if not keys:
        return 0
    with writing(timeout, announce) as batches:
        rooms = {room.id: room for room in lock_rooms(keys).values()}
        events: dict[int, list[Delete]] = {}
        # in the order of the one index in which none of the other messages are: by room it would go through all
        found = [message for message in over.order_by("expires_at")[:limit] if message.room_id in rooms]
        for message in sorted(found, key=lambda message: message.seq):
            event = empty(rooms[message.room_id], message, Change.Kind.EXPIRE, SYSTEM)
            events.setdefault(message.room_id, []).append(event)
        batches.extend(_saved(rooms[room_id], of_room) for room_id, of_room in events.items())
    return sum(map(len, events.values()))


def _locked(names: Sequence[str], actor: Actor) -> dict[str, tuple[LockedRoom, Standing]]:
    """The rooms, held, and what the actor, who may know of them, is in each."""
    rooms = lock_rooms(map(room_key, names))
    standing_of = standings((room.id, actor) for room in rooms.values())
    found: dict[str, tuple[LockedRoom, Standing]] = {}
    for name in names:
        room = rooms.get(room_key(name))
        if room is None:
            raise unknown_room(name, actor)
        standing = standing_of.get((room.id, actor.id), NOBODY)
        try:
            check_sight(actor, room, standing)
        except RoomNotFound:
            raise unknown_room(name, actor) from None
        found[room.key] = room, standing
    return found


def _found(room: LockedRoom, seq: int) -> Message:
    message = Message.objects.filter(room=room.id, seq=seq).first()
    if message is None or seq <= room.seq_floor:
        raise MessageNotFound(room.name, seq)
    return message


def _saved(room: LockedRoom, events: Sequence[Edit | Delete]) -> Batch:
    """The room's new end of the log, with all that this transaction added."""
    save_counters([room])
    return Batch(room.id, room.epoch, room.before, room.head, [encode(event) for event in events])
