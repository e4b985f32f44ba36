"""Within a transaction: a message's row is brought up to date, and the change becomes an event of its own."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from chatcore import events
from chatcore.actors import Actor
from chatcore.events import Delete, Edit
from chatcore.history import COLUMNS, described_change
from chatcore.models import Change, Message
from chatcore.services.locking import LockedRoom
from chatcore.services.posts import USUAL


def revise(
    room: LockedRoom, message: Message, revision: Mapping[str, Any], actor: Actor, key: Mapping[str, str] | None = None
) -> Edit:
    """Give the message what `revision` names (columns, or rare attributes). The caller saves the room's counters.

    `key`: the columns of the key under which that may be repeated.
    """
    columns = {name: value for name, value in revision.items() if name not in USUAL}
    rare = {**(message.extra or {}), **{name: value for name, value in revision.items() if name in USUAL}}
    message.extra = {name: value for name, value in rare.items() if value != USUAL.get(name)} or None
    message.edited_at = timezone.now()
    for name, value in columns.items():
        setattr(message, name, value)
    message.save(update_fields=["extra", "edited_at", *columns])
    edit = _change(room, message, Change.Kind.EDIT, actor, key)
    assert isinstance(edit, Edit)
    return edit


def empty(room: LockedRoom, message: Message, kind: Change.Kind, actor: Actor) -> Delete:
    """Take the message's content away and keep its number. The caller saves the room's counters."""
    message.text, message.extra, message.slot, message.deleted_at = "", None, None, timezone.now()
    message.save(update_fields=["text", "extra", "slot", "deleted_at"])
    delete = _change(room, message, kind, actor)
    assert isinstance(delete, Delete)
    return delete


def _change(
    room: LockedRoom, message: Message, kind: Change.Kind, actor: Actor, key: Mapping[str, str] | None = None
) -> Edit | Delete:
    """The change as the room's next event."""
    room.head += 1
    change = Change.objects.create(
        id=uuid.UUID(events.new_id()), room_id=room.id, rev=room.head, seq=message.seq, kind=kind,
        at=timezone.now(), by=actor.label, **(key or {}),
    )  # fmt: skip
    return described_change(room.name, change, [getattr(message, column) for column in COLUMNS])
