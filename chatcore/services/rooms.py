"""Making rooms and changing what they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, Unpack, cast

from django.db.models import Field
from django.utils import timezone

from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import BadRequest, RoomExists
from chatcore.history import RoomView, access, room_named, site_standing, user_named
from chatcore.models import Membership, Room
from chatcore.names import check_room_name, room_key
from chatcore.permissions import check_archive, check_change_room, check_create_room
from chatcore.services.members import check_owned, save_member
from chatcore.services.transaction import writing

#: `create_room(retention=FOREVER)` takes a limit away; None leaves it as it is.
FOREVER = timedelta(0)
#: A length of time that databases and calendars can count with.
LONGEST_RETENTION = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class CreatedRoom:
    """The room, and whether it was made now, kept as it was, or brought up to date."""

    name: str
    outcome: Literal["created", "kept", "updated"]
    room: RoomView


class RoomFields(TypedDict, total=False):
    """What a room is, beside its name. `max_length` None is the site's limit, `retention` None is for ever."""

    title: str
    topic: str
    private: bool
    announce_only: bool
    max_length: int | None
    retention: timedelta | None


def create_room(
    name: str,
    *,
    title: str | None = None,
    topic: str | None = None,
    private: bool | None = None,
    announce_only: bool | None = None,
    owner: str | None = None,
    members: Sequence[str] = (),
    retention: timedelta | None = None,
    max_length: int | None = None,
    existing: Literal["refuse", "keep", "update"] = "refuse",
    actor: Actor = SYSTEM,
    timeout: float = 5.0,
) -> CreatedRoom:
    """Make a room. `owner` and `members` are accounts; what is None keeps its default, or its value on update.

    BadRoomName, UserNotFound, Forbidden, TooManyRooms, TooManyMembers, and RoomExists unless `existing` says to keep
    or update it.
    """
    check_create_room(actor, site_standing(actor))
    check_room_name(name)
    wanted: dict[str, Any] = {
        "title": title, "topic": topic, "private": private, "announce_only": announce_only, "max_length": max_length,
    }  # fmt: skip
    fields = {field: value for field, value in wanted.items() if value is not None}
    if retention is not None:
        fields["retention"] = retention if retention > FOREVER else None
    check_fields(fields)
    with writing(timeout, lambda batches: None):
        people = [(user_named(account), Membership.Role.MEMBER) for account in members]
        if owner is not None:
            people.append((user_named(owner), Membership.Role.OWNER))
        room, new = Room.objects.select_for_update().get_or_create(
            name_key=room_key(name), defaults={"name": name, **fields}
        )
        if new:
            check_owned(actor, actor)
        outcome = "created" if new else _outcome(room, existing)
        if outcome == "updated" and fields:
            Room.objects.filter(pk=room.pk).update(**fields)
        if outcome != "kept":
            _join(room, people)
        view = room_named(room.name)
    return CreatedRoom(room.name, outcome, view)


def set_room(name: str, actor: Actor, *, timeout: float = 5.0, **fields: Unpack[RoomFields]) -> RoomView:
    """Change what is given, and nothing else. RoomNotFound, BadRequest, Forbidden."""
    check_fields(dict(fields))
    with writing(timeout, lambda batches: None):
        room, standing = access(name, actor)
        check_change_room(actor, room, standing)
        Room.objects.filter(pk=room.id).update(**fields)
        return room_named(name, actor)


def archive_room(name: str, actor: Actor, *, timeout: float = 5.0) -> bool:
    """Close the room for good, to be read only; whether it was open. RoomNotFound, Forbidden."""
    return _set_archived(name, actor, timezone.now(), timeout)


def restore_room(name: str, actor: Actor, *, timeout: float = 5.0) -> bool:
    """Open an archived room again; whether it was archived. RoomNotFound, Forbidden."""
    return _set_archived(name, actor, None, timeout)


def _set_archived(name: str, actor: Actor, moment: datetime | None, timeout: float) -> bool:
    with writing(timeout, lambda batches: None):
        room, standing = access(name, actor)
        check_archive(actor, room, standing)
        others = Room.objects.filter(pk=room.id, archived_at__isnull=moment is not None)
        return others.update(archived_at=moment) > 0


def _outcome(room: Room, existing: str) -> Literal["kept", "updated"]:
    if existing == "refuse":
        raise RoomExists(room.name)
    return "kept" if existing == "keep" else "updated"


def check_fields(fields: dict[str, Any]) -> None:
    """Raise BadRequest for a column of a room that is too long, or would break a line."""
    for field, value in fields.items():
        if not isinstance(value, str):
            continue
        longest = cast("Field[Any, Any]", Room._meta.get_field(field)).max_length
        if longest is not None and len(value) > longest:
            raise BadRequest(f"the {field} has {len(value)} characters, the limit is {longest}: shorten it")
        if "\0" in value or not value.isprintable() or _is_broken(value):
            raise BadRequest(f"the {field} holds control characters or a line break: remove them")
    if fields.get("max_length") is not None and not 1 <= fields["max_length"] <= 60_000:
        raise BadRequest("the longest message has 1 to 60000 characters")
    if fields.get("retention") is not None and fields["retention"] <= timedelta(0):
        raise BadRequest("messages cannot be kept for less than no time: give a length of time")
    if fields.get("retention") is not None and fields["retention"] > LONGEST_RETENTION:
        raise BadRequest(f"messages are kept for at most {LONGEST_RETENTION.days} days, or for ever")


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _join(room: Room, people: Sequence[tuple[Actor, Membership.Role]]) -> None:
    """Everybody in `people` has that role from now on; the last one named counts."""
    for person, role in people:
        save_member(room.pk, room.name, person, role)
