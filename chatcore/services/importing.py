"""A room with the messages that it had elsewhere. Nothing of it is seen until all of it is there.

The messages go in small batches into a room that nobody finds (`Room.unfinished`); the last transaction gives it its
name. Whatever fails takes it away again; what a killed process has left is taken away by the next import or a clock.
"""

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db import IntegrityError
from django.utils import timezone

from chatcore.exceptions import BadRequest, RoomExists, Unavailable
from chatcore.history import RoomView, room_named
from chatcore.history.transfer import MessageLine, RoomLine
from chatcore.models import Membership, Message, Room, Scheduled, new_epoch
from chatcore.names import check_room_name, room_key
from chatcore.services.imported_accounts import Accounts, accounts_for, check_accounts, remove_accounts
from chatcore.services.imported_rows import insert_messages
from chatcore.services.locking import lock_rooms
from chatcore.services.transaction import writing

#: Messages in one transaction: others wait for its end.
_AT_ONCE = 250
#: An import that has written nothing for so long is dead.
ABANDONED = timedelta(minutes=10)
_HINT = "import it under another name with --room"

#: Called with how many messages are stored.
Progress = Callable[[int], object]


class ImportedRoom(NamedTuple):
    """The room, how many messages came with it, and the accounts that were made for it."""

    room: RoomView
    messages: int
    created: list[str]


def import_room(
    described: RoomLine,
    messages: Iterable[MessageLine],
    accounts: Collection[str],
    progress: Progress,
    *,
    create_users: bool = False,
    timeout: float = 10.0,
) -> ImportedRoom:
    """Make the room and its messages, with their numbers and times; their authors, and its members, by account name.

    `accounts` are all names that occur; NotFound if one is nobody's, unless it is to be made. A room of that name
    that had no message yet gives way and leaves its members; RoomExists for one that had. Each batch waits at most
    `timeout` seconds for other writers.
    """
    check_room_name(described.name)
    _check_place(described.name)
    _rest_between(forgotten_imports(timeout=timeout))
    people = accounts_for(accounts, create=create_users, timeout=timeout)
    room_id = None
    try:
        room_id = _begin(described, timeout)
        stored = 0
        for stored in _stored(room_id, messages, people, timeout):
            progress(stored)
        if stored != described.last_seq - described.first_seq + 1:
            raise BadRequest("the file was changed while it was read: start the import again")
        view = _publish(room_id, described, people, timeout)
    except BaseException:
        _undo(room_id, people, timeout)
        raise
    return ImportedRoom(view, stored, people.created)


def forgotten_imports(*, timeout: float = 5.0) -> Iterator[int]:
    """Take away what dead imports have left: how many rows, batch by batch; rest between two of them.

    It may be left at any batch: the next run goes on.
    """
    dead = Room.unfinished.filter(archived_at__lt=timezone.now() - ABANDONED)
    for room_id in list(dead.values_list("pk", flat=True)):
        yield from _discarded(room_id, timeout)


def _check_place(name: str) -> None:
    if Room.objects.filter(name_key=room_key(name), head__gt=0).exists():
        raise RoomExists(name, f"it has had messages: {_HINT}")


def _begin(described: RoomLine, timeout: float) -> int:
    """A room that nobody finds: a capital letter is in no key. All in it is below its floor: nobody's to read."""
    key = f"Import {uuid.uuid4().hex}"
    with writing(timeout, lambda batches: None):
        room = Room.unfinished.create(
            name=key, name_key=key, epoch="", private=True, archived_at=timezone.now(),
            floor=described.last_seq, seq_floor=described.last_seq,
        )  # fmt: skip
    return room.pk


def _stored(room_id: int, messages: Iterable[MessageLine], people: Accounts, timeout: float) -> Iterator[int]:
    """Store them; how many there are so far, batch by batch, with a rest after each."""
    rest, stored = iter(messages), 0
    while some := list(islice(rest, _AT_ONCE)):
        began = time.monotonic()
        _store(room_id, some, people, timeout)
        stored += len(some)
        yield stored
        time.sleep(time.monotonic() - began)


def _store(room_id: int, messages: list[MessageLine], people: Accounts, timeout: float) -> None:
    with writing(timeout, lambda batches: None):
        now = timezone.now()
        _check_alive(room_id, now)
        insert_messages(room_id, messages, people.ids, now)


def _check_alive(room_id: int, now: datetime) -> None:
    """Put off the death of this import; once dead it stays so, for somebody may be taking its messages away."""
    if not Room.unfinished.filter(pk=room_id, archived_at__gte=now - ABANDONED).update(archived_at=now):
        raise Unavailable("the import stood still for so long that it was taken for dead: start it again")


def _publish(room_id: int, described: RoomLine, people: Accounts, timeout: float) -> RoomView:
    """From this transaction on the room is there, with all that is in it."""
    try:
        with writing(timeout, lambda batches: None):
            _check_alive(room_id, timezone.now())
            check_accounts(people)
            _take_place(room_id, room_key(described.name))
            before = described.first_seq - 1
            Room.unfinished.filter(pk=room_id).update(
                name=described.name, name_key=room_key(described.name), title=described.title, topic=described.topic,
                private=described.private, announce_only=described.announce_only, max_length=described.max_length,
                retention=None if described.retention is None else timedelta(seconds=described.retention),
                archived_at=timezone.now() if described.archived else None, created_at=timezone.now(),
                last_seq=described.last_seq, head=described.last_seq, floor=before, seq_floor=before, epoch=new_epoch(),
            )  # fmt: skip
            _join(room_id, described, people)
            return room_named(described.name)
    except IntegrityError as error:  # made just now, where a database has several writers
        raise RoomExists(described.name, _HINT) from error


def _join(room_id: int, described: RoomLine, people: Accounts) -> None:
    """Who is a member already, of the room that gave way, stays what he is."""
    joining = [
        Membership(room_id=room_id, user_id=people.ids[member.name], user_name=member.name, role=member.role)
        for member in described.members
    ]
    Membership.objects.bulk_create(joining, ignore_conflicts=True)


def _take_place(room_id: int, key: str) -> None:
    """What hangs on an empty room of this name passes on; its sockets come back and find the new one."""
    old = lock_rooms([key]).get(key)
    if old is None:
        return
    if old.head > 0:
        raise RoomExists(old.name, f"it has got messages meanwhile: {_HINT}")
    for table in (Membership, Scheduled):
        table.objects.filter(room=old.id).update(room=room_id)
    Room.objects.filter(pk=old.id).delete()


def _undo(room_id: int | None, people: Accounts, timeout: float) -> None:
    """Take away what an import has made so far; all stays if the answer of its last commit was lost on the way."""
    if room_id is not None:
        if Room.objects.filter(pk=room_id).exists():
            return
        _rest_between(_discarded(room_id, timeout))
    remove_accounts(people.created, timeout=timeout)


def _discarded(room_id: int, timeout: float) -> Iterator[int]:
    """Delete the unfinished room, its messages first: how many, batch by batch."""
    messages = Message.objects.filter(room__epoch="", room=room_id).order_by()
    while some := list(messages.values_list("pk", flat=True)[:_AT_ONCE]):
        with writing(timeout, lambda batches: None):
            Message.objects.filter(pk__in=some, room__epoch="").delete()
        yield len(some)
    with writing(timeout, lambda batches: None):
        Room.unfinished.filter(pk=room_id).delete()


def _rest_between(steps: Iterator[int]) -> None:
    """Go through them, and after each leave the database to others for as long as it took."""
    began = time.monotonic()
    for _ in steps:
        time.sleep(time.monotonic() - began)
        began = time.monotonic()
