"""Reads of the log and of the rooms, by number and never by offset. Nothing here writes."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from chatcore import conf
from chatcore.database import places
from chatcore.events import Author, Delete, Edit, Event, Message, encode
from chatcore.exceptions import MessageNotFound, RoomNotFound, UserNotFound
from chatcore.models import Change, Membership, Room, Sanction
from chatcore.models import Message as Row
from chatcore.names import room_key, storable
from chatcore.permissions import NOBODY, SYSTEM, Actor, Standing, actor_for, check_read

#: Among so many names a near match is looked for: it is asked for by mistakes, which must stay cheap.
_MANY_NAMES = 2000
#: The columns of which a message object is made, in the order in which `_fields` takes them.
COLUMNS = (
    "id", "seq", "rev", "kind", "text", "username", "author_type", "author_id", "author_name", "source",
    "created_at", "edited_at", "expires_at", "deleted_at", "key_scope", "key", "slot", "extra",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as readers see it."""

    id: int
    name: str
    title: str
    topic: str
    private: bool
    announce_only: bool
    archived: bool
    max_length: int | None
    retention: timedelta | None
    last_seq: int
    head: int
    floor: int
    epoch: str
    member_count: int = 0
    last_message_at: datetime | None = None


class Head(NamedTuple):
    """Where a room's log ends and begins, and which history it is."""

    head: int
    floor: int
    epoch: str


class Page(NamedTuple):
    """Events of a room's log, encoded, without a hole: `payloads[i]` has rev `after` + 1 + i."""

    payloads: list[bytes]
    state: Head


class Access(NamedTuple):
    """A room, and what the actor is in it."""

    room: RoomView
    standing: Standing


def _view(room: Room, member_count: int = 0, last_message_at: datetime | None = None) -> RoomView:
    return RoomView(
        room.pk, room.name, room.title, room.topic, room.private, room.announce_only,
        room.archived_at is not None, room.max_length, room.retention,
        room.last_seq, room.head, room.floor, room.epoch, member_count, last_message_at,
    )  # fmt: skip


def _visible_rooms(actor: Actor) -> QuerySet[Room]:
    """The rooms whose existence the actor may know of."""
    rooms = Room.objects.all()
    if not actor.is_person or actor.is_superuser:
        return rooms
    return rooms.filter(Q(private=False) | Q(memberships__user_id=actor.id))


def rooms_for(actor: Actor) -> list[RoomView]:
    """The rooms that the actor may read and that are not archived, by name."""
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        return []
    if standings([(0, actor)]).get((0, actor.id), NOBODY).banned and not actor.is_superuser:
        return []
    members = Membership.objects.filter(room=OuterRef("pk")).order_by().values("room")
    last = Row.objects.filter(room=OuterRef("pk"), seq=OuterRef("last_seq")).values("created_at")
    rooms = (
        _visible_rooms(actor)
        .filter(archived_at__isnull=True)
        .distinct()
        .annotate(member_count=Subquery(members.annotate(n=Count("pk")).values("n")), last_message_at=Subquery(last))
        .order_by("name_key")
    )
    return [_view(room, room.member_count or 0, room.last_message_at) for room in rooms]


def room_named(name: str, actor: Actor = SYSTEM) -> RoomView:
    """The room of this name in any of its spellings, if the actor may read it."""
    return access(name, actor).room


def access(name: str, actor: Actor) -> Access:
    """The room and what the actor is in it; RoomNotFound (with near matches), Forbidden or NotSignedIn."""
    room = Room.objects.filter(name_key=room_key(name)).first()
    if room is None:
        standing = standings([(0, actor)]).get((0, actor.id), NOBODY)
        check_read(actor, _UNKNOWN, standing)  # who may read nothing learns nothing of names either
        raise unknown_room(name, actor)
    standing = standings([(room.pk, actor)]).get((room.pk, actor.id), NOBODY)
    view = _view(room, Membership.objects.filter(room=room).count())
    try:
        check_read(actor, view, standing)
    except RoomNotFound:
        raise unknown_room(name, actor) from None
    return Access(view, standing)


#: A public room to ask the rules about when there is none.
_UNKNOWN = RoomView(0, "", "", "", False, False, False, None, None, 0, 0, 0, "")


def unknown_room(name: str, actor: Actor) -> RoomNotFound:
    """That there is no room `name`, or none that the actor may know of: both read the same.

    It names up to three that he may know of and that look like it.
    """
    names = dict(_visible_rooms(actor).values_list("name_key", "name")[:_MANY_NAMES])
    return RoomNotFound(name, [names[key] for key in difflib.get_close_matches(room_key(name), names, 3, 0.6)])


def standings(wanted: Iterable[tuple[int, Actor]]) -> dict[tuple[int, str], Standing]:
    """What each person is in each room, by room and account id, in two queries for any number of them.

    In plain SQL: it is asked under the rooms' locks for every batch of posts.
    """
    people = {(room_id, actor.id) for room_id, actor in wanted if actor.type == "user"}
    if not people:
        return {}
    rooms, ids = list({room_id for room_id, _ in people}), list({user_id for _, user_id in people})
    quoted = connection.ops.quote_name
    members, sanctioned = quoted(Membership._meta.db_table), quoted(Sanction._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT room_id, user_id, role FROM {members} "  # noqa: S608
            f"WHERE room_id IN ({places(len(rooms))}) AND user_id IN ({places(len(ids))})",
            [*rooms, *ids],
        )
        roles = {(room_id, user_id): role for room_id, user_id, role in cursor.fetchall()}
        cursor.execute(
            f"SELECT user_id, kind FROM {sanctioned} "  # noqa: S608
            f"WHERE user_id IN ({places(len(ids))}) AND (until IS NULL OR until > %s)",
            [*ids, connection.ops.adapt_datetimefield_value(timezone.now())],
        )
        sanctions = set(cursor.fetchall())
    return {
        (room_id, user_id): Standing(
            roles.get((room_id, user_id)), (user_id, "mute") in sanctions, (user_id, "ban") in sanctions
        )
        for room_id, user_id in people
    }


def user_named(name: str) -> Actor:
    """The actor of this account; UserNotFound with near matches."""
    users = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    user = users.filter(**{field: storable(name)}).first()
    if user is None:
        names = [str(known) for known in users.values_list(field, flat=True)[:10_000]]
        raise UserNotFound(name, difflib.get_close_matches(name, names, 3, 0.6))
    if not user.is_active:
        raise UserNotFound(f"{name} (the account is switched off)")
    return actor_for(user)


def heads(room_ids: Sequence[int]) -> dict[int, Head]:
    """Where the logs of these rooms stand, in one query."""
    rows = Room.objects.filter(pk__in=room_ids).values_list("pk", "head", "floor", "epoch")
    return {pk: Head(head, floor, epoch) for pk, head, floor, epoch in rows}


def events_after(room_id: int, after: int, limit: int) -> Page:
    """Up to `limit` encoded events from rev `after` + 1 on.

    Messages and changes are two queries, and posts may commit between them: the run ends at the first number
    that is in neither, so that no order of commits can hide an event. Changes come first, so that a message is
    never older than a change in the same page.
    """
    room = Room.objects.filter(pk=room_id).values_list("name", "head", "floor", "epoch").first()
    if room is None:
        raise RoomNotFound(f"of number {room_id} (it was deleted)")
    name, state = room[0], Head(*room[1:])
    found: dict[int, Event] = {change.rev: change for change in _changes(room_id, name, after, limit)}
    messages = Row.objects.filter(room=room_id, rev__gt=after).order_by("rev")[:limit]
    found.update({row[2]: _message(name, row) for row in messages.values_list(*COLUMNS)})
    payloads: list[bytes] = []
    while len(payloads) < limit and (event := found.get(after + 1 + len(payloads))) is not None:
        payloads.append(encode(event))
    if not payloads and state.head > after:  # pruned meanwhile: the floor has moved with it
        state = heads([room_id]).get(room_id, state)
    return Page(payloads, state)


def event_id(room_id: int, rev: int) -> str | None:
    """The id of the event at this rev, or None if there is none."""
    for events in (Row.objects, Change.objects):
        found = events.filter(room=room_id, rev=rev).values_list("pk", flat=True).first()
        if found is not None:
            return str(found)
    return None


def latest_messages(room_id: int, limit: int, upto_rev: int) -> list[Message]:
    """The newest `limit` messages whose rev is not above `upto_rev`, oldest first, as they are now."""
    rows = Row.objects.filter(room=room_id, rev__lte=upto_rev).order_by("-rev")[:limit]
    return _messages(room_id, rows)[::-1]


def messages_after(room_id: int, seq: int, limit: int) -> list[Message]:
    """Up to `limit` messages with numbers above `seq`, oldest first."""
    return _messages(room_id, Row.objects.filter(room=room_id, seq__gt=seq).order_by("seq")[:limit])


def messages_before(room_id: int, seq: int, limit: int) -> list[Message]:
    """The `limit` messages just below number `seq`, oldest first."""
    return _messages(room_id, Row.objects.filter(room=room_id, seq__lt=seq).order_by("-seq")[:limit])[::-1]


def messages_since(room_id: int, moment: datetime, limit: int) -> list[Message]:
    """Up to `limit` messages sent at `moment` or later, oldest first."""
    rows = Row.objects.filter(room=room_id, created_at__gte=moment).order_by("created_at", "seq")[:limit]
    return _messages(room_id, rows)


def message(room_id: int, room_name: str, seq: int) -> Message:
    """The message of this number; MessageNotFound."""
    found = Row.objects.filter(room=room_id, seq=seq).values_list(*COLUMNS).first()
    if found is None:
        raise MessageNotFound(room_name, seq)
    return _message(room_name, found)


def _changes(room_id: int, name: str, after: int, limit: int) -> list[Edit | Delete]:
    """The changes above `after`, each with its message as it is now."""
    changes = list(Change.objects.filter(room=room_id, rev__gt=after).order_by("rev")[:limit])
    if not changes:
        return []
    rows = Row.objects.filter(room=room_id, seq__in={change.seq for change in changes})
    messages = {row[1]: row for row in rows.values_list(*COLUMNS)}
    return [described_change(name, change, messages.get(change.seq)) for change in changes]


def described_change(name: str, change: Change, row: Sequence[Any] | None) -> Edit | Delete:
    """The event of a change; a message that was pruned since is a deleted one."""
    fields = _fields(name, row) if row is not None else _pruned(name, change)
    fields.update(rev=change.rev, change_id=str(change.pk))
    return Edit(**fields) if change.kind == Change.Kind.EDIT else Delete(**fields)


def _messages(room_id: int, rows: QuerySet[Row]) -> list[Message]:
    name = Room.objects.filter(pk=room_id).values_list("name", flat=True).first()
    return [_message(name or "", row) for row in rows.values_list(*COLUMNS)]


def _message(name: str, row: Sequence[Any]) -> Message:
    return Message(**_fields(name, row))


def _fields(name: str, row: Sequence[Any]) -> dict[str, Any]:
    """The keys of the message object from the columns of `COLUMNS`."""
    (pk, seq, rev, kind, text, username, author_type, author_id, author_name, source,
     created_at, edited_at, expires_at, deleted_at, key_scope, key, slot, extra) = row  # fmt: skip
    return {
        "room": name, "id": str(pk), "seq": seq, "rev": rev, "kind": kind, "message": text, "username": username,
        "author": Author(author_type, author_id, author_name), "client_id": client_id(source, key_scope, key),
        "slot": slot, "source": source, "created_at": created_at, "edited_at": edited_at,
        "expires_at": expires_at, "deleted": deleted_at is not None, **(extra or {}),
    }  # fmt: skip


def client_id(source: str, key_scope: str | None, key: str | None) -> str | None:
    """The key by which the author's own page knows its message; keys of others are nobody's business."""
    return key if source == "web" and key_scope is not None and key_scope.startswith("u:") else None


def _pruned(name: str, change: Change) -> dict[str, Any]:
    """The keys of a message of which nothing is left but its number."""
    return {
        "room": name, "id": str(change.pk), "seq": change.seq, "kind": "message", "message": "", "username": "",
        "author": Author("system", "", ""), "source": "code", "created_at": change.at, "deleted": True,
    }  # fmt: skip
