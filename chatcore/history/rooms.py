"""Rooms as readers see them, and which of them somebody may know of."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from chatcore import conf
from chatcore.actors import SYSTEM, Actor, Grant
from chatcore.database import connection
from chatcore.exceptions import RoomNotFound
from chatcore.history.people import site_standing, standings
from chatcore.models import Membership, Message, ReadMark, Room
from chatcore.names import room_key
from chatcore.permissions import NOBODY, Standing, check_read, site_allows

#: Among so many names a near match is looked for: it is asked for by mistakes, which must stay cheap.
_MANY_NAMES = 2000


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
    #: The number up to which messages were pruned.
    seq_floor: int = 0


class RoomLog(NamedTuple):
    """A room's log: whose it is, and where it begins and ends. `key` is the room's name as `names.room_key` has it."""

    id: int
    name: str
    key: str
    archived: bool
    last_seq: int
    head: int
    floor: int
    epoch: str
    seq_floor: int = 0


class Access(NamedTuple):
    """A room, and what the actor is in it."""

    room: RoomView
    standing: Standing


class Entrance(NamedTuple):
    """What somebody needs to know who enters a room: the number of the last message that he has read there is 0 for
    none, and for who is no person."""

    access: Access
    read_seq: int


def rooms_for(actor: Actor, *, archived: bool = False) -> list[RoomView]:
    """The rooms that the actor may read, by name; those that are archived only if asked for. A token that may only
    send has them, too: it has to know where."""
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        return []
    if site_standing(actor).banned and not actor.is_superuser:
        return []
    members = Membership.objects.filter(room=OuterRef("pk")).order_by().values("room")
    last = Message.objects.filter(room=OuterRef("pk"), seq=OuterRef("last_seq"), seq__gt=OuterRef("seq_floor"))
    visible = _visible_rooms(actor)
    rooms = (visible if archived else visible.filter(archived_at__isnull=True)).order_by("name_key")
    rooms = rooms.annotate(
        member_count=Subquery(members.annotate(n=Count("pk")).values("n")),
        last_message_at=Subquery(last.values("created_at")),
    )
    views = [_view(room, room.member_count or 0, room.last_message_at) for room in rooms]
    return [view for view in views if site_allows(actor, "read", view)]


def room_names(*, archived: bool = False) -> list[str]:
    """The names of all rooms, in order; those that are archived only if asked for."""
    rooms = Room.objects.order_by("name_key")
    return list((rooms if archived else rooms.filter(archived_at__isnull=True)).values_list("name", flat=True))


def room_logs() -> list[RoomLog]:
    """The logs of all rooms, archived ones too, in the order of their names."""
    rooms = Room.objects.order_by("name_key").values_list(
        "pk", "name", "name_key", "archived_at", "last_seq", "head", "floor", "epoch", "seq_floor"
    )
    return [
        RoomLog(pk, name, key, archived_at is not None, last_seq, head, floor, epoch, seq_floor)
        for pk, name, key, archived_at, last_seq, head, floor, epoch, seq_floor in rooms
    ]


def rooms_numbered(room_ids: Iterable[int]) -> dict[int, RoomView]:
    """The rooms with these ids that there are."""
    return {room.pk: _view(room) for room in Room.objects.filter(pk__in=list(room_ids))}


def room_named(name: str, actor: Actor = SYSTEM) -> RoomView:
    """The room of this name in any of its spellings, if the actor may read it."""
    return access(name, actor).room


def access(name: str, actor: Actor) -> Access:
    """The room and what the actor is in it; RoomNotFound (with near matches), Forbidden or NotSignedIn."""
    return entrance(name, actor).access


def entrance(name: str, actor: Actor, room_id: int | None = None) -> Entrance:
    """The same with what is read there. In plain SQL: everybody asks it who comes back after a restart.

    `room_id`: the room that it was, whatever it is called by now; the name counts if there is no such room.
    """
    found = None if room_id is None else _found("id", room_id, actor)
    found = found or _found("name_key", room_key(name), actor)
    if found is None:
        check_read(actor, _UNKNOWN, site_standing(actor))  # who may read nothing learns nothing of names either
        raise unknown_room(name, actor)
    view, read_seq = found
    standing = standings([(view.id, actor)]).get((view.id, actor.id), NOBODY)
    try:
        check_read(actor, view, standing)
    except RoomNotFound:
        raise unknown_room(name, actor) from None
    return Entrance(Access(view, standing), read_seq)


#: A public room to ask the rules about when there is none.
_UNKNOWN = RoomView(0, "", "", "", False, False, False, None, None, 0, 0, 0, "")


def unknown_room(name: str, actor: Actor) -> RoomNotFound:
    """That there is no room `name`, or none that the actor may know of: both read the same.

    It names up to three that he may know of and that look like it.
    """
    rooms = {room.name_key: room for room in _visible_rooms(actor)[:_MANY_NAMES]}
    near = [_view(rooms[key]) for key in difflib.get_close_matches(room_key(name), rooms, 3, 0.6)]
    return RoomNotFound(name, [view.name for view in near if site_allows(actor, "read", view)])


def _found(column: str, value: str | int, actor: Actor) -> tuple[RoomView, int] | None:
    """The room with this id or key, its number of members, and how far the actor has read it."""
    members, marks, rooms = (connection.ops.quote_name(table._meta.db_table) for table in (Membership, ReadMark, Room))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, title, topic, private, announce_only, archived_at, max_length, retention, "  # noqa: S608
            "last_seq, head, floor, epoch, seq_floor, "
            f"(SELECT COUNT(*) FROM {members} WHERE room_id = {rooms}.id), "
            f"(SELECT seq FROM {marks} WHERE room_id = {rooms}.id AND user_id = %s) "
            f"FROM {rooms} WHERE {column} = %s",
            [actor.id if actor.type == "user" else None, value],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    (pk, name, title, topic, private, announce_only, archived_at, max_length, retention,
     last_seq, head, floor, epoch, seq_floor, members_count, read_seq) = row  # fmt: skip
    if isinstance(retention, int):  # microseconds, where the database has no such type
        retention = timedelta(microseconds=retention)
    view = RoomView(
        pk, name, title, topic, bool(private), bool(announce_only), archived_at is not None, max_length, retention,
        last_seq, head, floor, epoch, members_count, None, seq_floor,
    )  # fmt: skip
    return view, read_seq or 0


def _view(room: Room, member_count: int = 0, last_message_at: datetime | None = None) -> RoomView:
    return RoomView(
        room.pk, room.name, room.title, room.topic, room.private, room.announce_only,
        room.archived_at is not None, room.max_length, room.retention,
        room.last_seq, room.head, room.floor, room.epoch, member_count, last_message_at, room.seq_floor,
    )  # fmt: skip


def _visible_rooms(actor: Actor) -> QuerySet[Room]:
    """The rooms whose existence the actor may know of."""
    rooms = Room.objects.all()
    if actor.is_token:
        return _granted_rooms(actor.grant or Grant())
    if not actor.is_person or actor.is_superuser:
        return rooms
    own = Membership.objects.filter(user_id=actor.id).values("room")
    return rooms.filter(Q(private=False) | Q(pk__in=own))  # not by a join, which takes all members of all rooms


def _granted_rooms(grant: Grant) -> QuerySet[Room]:
    """The rooms that a token covers, of which databases know nothing: they have no globs."""
    known = Room.objects.filter(Q(private=False) | Q(name_key__in=grant.rooms)).only("pk", "name", "private")
    return Room.objects.filter(pk__in=[room.pk for room in known if grant.covers(room.name, room.private)])
