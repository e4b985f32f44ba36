"""Editing and deleting: the row is brought up to date, and the change becomes an event of its own."""

import uuid

from django.utils import timezone

from chatcore import bell, conf
from chatcore.bell import Batch
from chatcore.events import Delete, Edit, encode, new_id
from chatcore.exceptions import Forbidden, MessageNotFound, RoomNotFound
from chatcore.history import COLUMNS, described_change, standings, unknown_room
from chatcore.models import Change, Message
from chatcore.names import room_key
from chatcore.permissions import NOBODY, Actor, Standing, check_delete, check_edit, check_read
from chatcore.services.locking import LockedRoom, lock_rooms, save_counters
from chatcore.services.posts import check_text
from chatcore.services.transaction import Announce, writing


def edit_message(
    room: str, seq: int, text: str, actor: Actor, *, announce: Announce = bell.ring, timeout: float = 5.0
) -> Edit:
    """Give message `seq` of the room a new text. MessageNotFound, Forbidden, or what is wrong with the text."""
    with writing(timeout, announce) as batches:
        locked, standing = _locked(room, actor)
        message = _found(locked, seq)
        check_edit(actor, locked, standing, (message.author_type, message.author_id))
        check_text(text, locked.max_length or conf.settings.MAX_LENGTH)
        if message.deleted_at is not None:
            raise Forbidden(f"message #{seq} was deleted")
        message.text, message.edited_at = text, timezone.now()
        message.save(update_fields=["text", "edited_at"])
        event, batch = _record(locked, message, Change.Kind.EDIT, actor)
        batches.append(batch)
    assert isinstance(event, Edit)
    return event


def delete_message(
    room: str, seq: int, actor: Actor, *, announce: Announce = bell.ring, timeout: float = 5.0
) -> Delete:
    """Empty message `seq` of the room and keep its number. Deleting a deleted one is refused."""
    with writing(timeout, announce) as batches:
        locked, standing = _locked(room, actor)
        message = _found(locked, seq)
        check_delete(actor, locked, standing, (message.author_type, message.author_id))
        if message.deleted_at is not None:
            raise Forbidden(f"message #{seq} was deleted already")
        message.text, message.extra, message.slot, message.deleted_at = "", None, None, timezone.now()
        message.save(update_fields=["text", "extra", "slot", "deleted_at"])
        event, batch = _record(locked, message, Change.Kind.DELETE, actor)
        batches.append(batch)
    assert isinstance(event, Delete)
    return event


def _locked(room: str, actor: Actor) -> tuple[LockedRoom, Standing]:
    """The room, held, and what the actor, who may read it, is there."""
    locked = lock_rooms([room_key(room)]).get(room_key(room))
    if locked is None:
        raise unknown_room(room, actor)
    standing = standings([(locked.id, actor)]).get((locked.id, actor.id), NOBODY)
    try:
        check_read(actor, locked, standing)
    except RoomNotFound:
        raise unknown_room(room, actor) from None
    return locked, standing


def _found(room: LockedRoom, seq: int) -> Message:
    message = Message.objects.filter(room=room.id, seq=seq).first()
    if message is None:
        raise MessageNotFound(room.name, seq)
    return message


def _record(room: LockedRoom, message: Message, kind: Change.Kind, actor: Actor) -> tuple[Edit | Delete, Batch]:
    """The change as the room's next event."""
    room.head += 1
    change = Change.objects.create(
        id=uuid.UUID(new_id()), room_id=room.id, rev=room.head, seq=message.seq, kind=kind,
        at=timezone.now(), by=actor.label,
    )  # fmt: skip
    save_counters([room])
    event = described_change(room.name, change, [getattr(message, column) for column in COLUMNS])
    return event, Batch(room.id, room.epoch, room.before, room.head, [encode(event)])
