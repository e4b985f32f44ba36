"""A person who wants to be forgotten: every text of theirs is emptied in the log, by events as any deletion is.

In small batches with rests, so that others go on writing. A run that was killed is finished by the next one: the
account keeps its name until all else is done.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from chatcore import bell, events
from chatcore.actors import SYSTEM, Actor
from chatcore.bell import Batch
from chatcore.events import encode, new_id
from chatcore.history import COLUMNS, account_named, described_change
from chatcore.history.personal import authored_rooms, numbers_by
from chatcore.models import Change, Membership, Message, Presence, ReadMark, Room, Sanction, Scheduled
from chatcore.permissions import check_erase
from chatcore.services.locking import LockedRoom, lock_rooms, save_counters
from chatcore.services.people import accounts_transaction, make_anonymous, switch_off
from chatcore.services.sessions import end_sessions
from chatcore.services.transaction import Announce, writing

#: Who wrote what an erased person has written.
DELETED_USER = "deleted user"
#: Rows in one transaction: others wait for its end.
_AT_ONCE = 50

#: Called with how many messages are done, of how many.
Progress = Callable[[int, int], object]


class Erased(NamedTuple):
    """What the account is called now, how many messages were emptied, which rooms have no owner any more."""

    account: str
    messages: int
    ownerless: list[str]


def erase_user(account: str, progress: Progress, *, announce: Announce = bell.ring, timeout: float = 5.0) -> Erased:
    """Empty all that the person wrote and forget what is known about them; numbers and the account's row stay.

    UserNotFound, Forbidden for a superuser. Waits at most `timeout` seconds for other writers at each batch.
    """
    person = account_named(account)
    check_erase(person)
    _keep_out(person, timeout)
    done = _emptied_rooms(person, 0, progress, announce, timeout)
    for _ in _forgotten_changes(person, timeout):
        progress(done, done)
    name, ownerless = _forget(person, timeout)
    done = _emptied_rooms(person, done, progress, announce, timeout)  # what an import has brought until just now
    return Erased(name, done, ownerless)


def _keep_out(person: Actor, timeout: float) -> None:
    """Nobody can sign in as the person, and who is signed in writes no more: a ban is looked at for every post."""
    with accounts_transaction(), writing(timeout, lambda batches: None):
        user: Any = _locked(person)
        switch_off(user)
        facts = {"user_name": person.name, "until": None, "reason": "", "by": SYSTEM.label}
        Sanction.objects.update_or_create(user_id=person.id, kind=Sanction.Kind.BAN, defaults=facts)
    with writing(timeout, lambda batches: None):  # wait for who holds a room and has looked before there was a ban
        list(Room.objects.select_for_update().order_by("name_key").values_list("pk"))
    end_sessions(user, timeout=timeout)


def _emptied_rooms(person: Actor, done: int, progress: Progress, announce: Announce, timeout: float) -> int:
    """Empty the person's messages in all rooms; how many, with the `done` that were before."""
    while rooms := authored_rooms(person):  # again, until there are none: somebody may have posted until just now
        of = done + sum(room.messages for room in rooms)
        for room in rooms:
            for emptied in _emptied_batches(person, room.room_id, announce, timeout):
                done += emptied
                progress(done, of)
    return done


def _emptied_batches(person: Actor, room_id: int, announce: Announce, timeout: float) -> Iterator[int]:
    """Empty the person's messages in the room; how many, batch by batch, with a rest after each."""
    after = 0
    while numbers := numbers_by(person, room_id, after, _AT_ONCE):
        began = time.monotonic()
        with writing(timeout, announce) as batches:
            for key in Room.objects.filter(pk=room_id).values_list("name_key", flat=True):  # none: deleted meanwhile
                batches.extend(_emptied(person, room, numbers) for room in lock_rooms([key]).values())
        yield len(numbers)
        after = numbers[-1]
        _rest(began)


def _emptied(person: Actor, room: LockedRoom, numbers: Sequence[int]) -> Batch:
    """These messages without their content and their author, each by an event of its own."""
    now = timezone.now()
    own = {"author_type": Message.AuthorType.USER, "author_id": person.id}
    found = Message.objects.filter(room=room.id, seq__in=numbers, **own)
    gone: dict[str, Any] = {
        "text": "", "extra": None, "slot": None, "username": DELETED_USER, "author_id": "", "author_name": "",
        "key_scope": None, "key": None, "key_digest": None,
    }  # fmt: skip
    messages, changes, payloads = list(found.order_by("seq")), [], []
    for message in messages:
        room.head += 1
        for name, value in gone.items():
            setattr(message, name, value)
        message.deleted_at = message.deleted_at or now
        change = Change(
            id=uuid.UUID(new_id()), room_id=room.id, rev=room.head, seq=message.seq, kind=Change.Kind.DELETE,
            at=now, by=SYSTEM.label,
        )  # fmt: skip
        changes.append(change)
        payloads.append(_payload(room, change, message))
    found.update(**gone, deleted_at=Coalesce(F("deleted_at"), now))
    Change.objects.bulk_create(changes)
    save_counters([room])
    return Batch(room.id, room.epoch, room.before, room.head, payloads)


def _payload(room: LockedRoom, change: Change, message: Message) -> bytes:
    event: events.Edit | events.Delete = described_change(
        room.name, change, [getattr(message, column) for column in COLUMNS]
    )
    return encode(event)


def _forgotten_changes(person: Actor, timeout: float) -> Iterator[int]:
    """Take the person's id and keys from the changes that they made; how many, batch by batch."""
    made = Change.objects.filter(Q(by=person.label) | Q(key_scope=person.key_scope)).order_by("pk")
    after = uuid.UUID(int=0)
    while some := list(made.filter(pk__gt=after).values_list("pk", flat=True)[:_AT_ONCE]):
        began, after = time.monotonic(), some[-1]
        with writing(timeout, lambda batches: None):
            nobody = {"by": person.type, "key_scope": None, "key": None, "key_digest": None}
            Change.objects.filter(pk__in=some).update(**nobody)
        yield len(some)
        _rest(began)


def _forget(person: Actor, timeout: float) -> tuple[str, list[str]]:
    """All that hangs on the account, and its name. The ban stays: until its sockets are closed nothing else binds."""
    with accounts_transaction(), writing(timeout, lambda batches: None):
        ownerless = _owned_alone(person)
        for table in (Membership, ReadMark, Presence):
            table.objects.filter(user_id=person.id).delete()
        Scheduled.objects.filter(request__actor__type=person.type, request__actor__id=person.id).delete()
        name = make_anonymous(_locked(person))
        Sanction.objects.filter(by=person.label).update(by=person.type)
        Sanction.objects.filter(user_id=person.id).exclude(kind=Sanction.Kind.BAN).delete()
        Sanction.objects.filter(user_id=person.id).update(user_name=name)
    return name, ownerless


def _owned_alone(person: Actor) -> list[str]:
    """The rooms that have no owner but this person."""
    owners = Membership.objects.filter(role=Membership.Role.OWNER)
    own = Room.objects.filter(pk__in=owners.filter(user_id=person.id).values("room"))
    shared = owners.exclude(user_id=person.id).values("room")
    return list(own.exclude(pk__in=shared).order_by("name_key").values_list("name", flat=True))


def _locked(person: Actor) -> Any:
    return get_user_model()._default_manager.select_for_update().get(pk=person.id)


def _rest(began: float) -> None:
    """As long as the batch took, so that others get their turn."""
    time.sleep(time.monotonic() - began)
