"""Who belongs to a room, and as what. A room that has an owner keeps one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from chatcore import conf
from chatcore.actors import Actor
from chatcore.database import explaining
from chatcore.exceptions import (
    BadRequest,
    LastOwner,
    MemberNotFound,
    RoomNotFound,
    TooManyMembers,
    TooManyRooms,
    UserNotFound,
)
from chatcore.history import access, standings, unknown_room, user_named
from chatcore.models import Membership
from chatcore.names import room_key, storable
from chatcore.permissions import NOBODY, ROLES, Standing, check_join, check_member_change, check_read
from chatcore.services.locking import LockedRoom, lock_rooms
from chatcore.services.transaction import writing


class RoleChange(NamedTuple):
    """What an account was in a room before, and what it is now; None is no member."""

    account: str
    before: str | None
    after: str | None


def add_member(room: str, account: str, role: str, actor: Actor, *, timeout: float = 5.0) -> RoleChange:
    """Make the account a member of the room, or give a member this role: member, moderator or owner.

    RoomNotFound, UserNotFound, Forbidden, TooManyMembers, TooManyRooms; LastOwner where it would take the room's only
    owner.
    """
    if role not in ROLES:
        raise BadRequest(f"{role!a} is no role: take {', '.join(ROLES)}")
    person = _named(room, account, actor)
    with _held(room, actor, timeout) as (locked, standing):
        before = standings([(locked.id, person)])[locked.id, person.id].role
        check_member_change(actor, locked, standing, before, role)
        if before == "owner" and role != "owner":
            _check_other_owner(locked, person.id, person.name)
        if role == "owner" != before:
            check_owned(person, actor)  # or who has enough would give them away, and make more
        save_member(locked.id, locked.name, person, role)
    return RoleChange(person.name, before, role)


def remove_member(room: str, account: str, actor: Actor, *, timeout: float = 5.0) -> RoleChange:
    """Take the account out of the room, even one that was deleted.

    RoomNotFound, MemberNotFound, Forbidden, LastOwner.
    """
    try:
        person = _named(room, account, actor)
    except UserNotFound:
        person = None
    with _held(room, actor, timeout) as (locked, standing):
        check_member_change(actor, locked, standing)
        membership = _membership(locked, account, person)
        check_member_change(actor, locked, standing, membership.role)
        _take_out(locked, membership)
    return RoleChange(membership.user_name, membership.role, None)


def join_room(room: str, actor: Actor, *, timeout: float = 5.0) -> RoleChange:
    """Join by oneself; who is a member stays what he is. RoomNotFound, NotSignedIn, Forbidden,
    TooManyMembers."""
    with _held(room, actor, timeout) as (locked, standing):
        check_join(actor, locked, standing)
        if standing.role is None:
            save_member(locked.id, locked.name, actor, Membership.Role.MEMBER)
    return RoleChange(actor.name, standing.role, standing.role or Membership.Role.MEMBER)


def leave_room(room: str, actor: Actor, *, timeout: float = 5.0) -> RoleChange:
    """Leave by oneself; of an archived room, too. RoomNotFound, LastOwner; who is no member stays none."""
    with _held(room, actor, timeout) as (locked, standing):
        check_read(actor, locked, standing)
        if standing.role is not None:
            _take_out(locked, Membership.objects.get(room=locked.id, user_id=actor.id))
    return RoleChange(actor.name, standing.role, None)


@contextmanager
def _held(room: str, actor: Actor, timeout: float) -> Iterator[tuple[LockedRoom, Standing]]:
    """The room, its row locked so that two owners cannot leave at once, and what the actor is in it."""
    with writing(timeout, lambda batches: None):
        locked = lock_rooms([room_key(room)]).get(room_key(room))
        if locked is None:
            raise unknown_room(room, actor)
        standing = standings([(locked.id, actor)]).get((locked.id, actor.id), NOBODY)
        try:
            check_read(actor, locked, standing)
        except RoomNotFound:
            raise unknown_room(room, actor) from None
        yield locked, standing


def _named(room: str, account: str, actor: Actor) -> Actor:
    """The account that somebody may add or remove; who may not learns nothing of accounts.

    Before the room is held: what looks like an unknown name is searched for long, and all writers would wait.
    """
    with explaining():
        check_member_change(actor, *access(room, actor))
        return user_named(account)


def save_member(room_id: int, room: str, person: Actor, role: str) -> None:
    """Within a transaction that holds the room: what the person is there from now on. TooManyMembers."""
    members, most = Membership.objects.filter(room_id=room_id), conf.settings.MEMBERS_PER_ROOM
    if not members.filter(user_id=person.id).exists() and members.count() >= most:
        raise TooManyMembers(room, most)
    Membership.objects.update_or_create(
        room_id=room_id, user_id=person.id, defaults={"user_name": person.name, "role": role}
    )


def check_owned(person: Actor, actor: Actor) -> None:
    """Within a transaction: whether the person may own one more room by what the actor does; superusers and commands
    may make it any number. TooManyRooms."""
    if actor.type != "user" or actor.is_superuser:
        return
    most = conf.settings.ROOMS_PER_PERSON
    if Membership.objects.filter(user_id=person.id, role=Membership.Role.OWNER).count() >= most:
        raise TooManyRooms(most)


def _membership(room: LockedRoom, account: str, person: Actor | None) -> Membership:
    """The membership of who has that account now, or had it when he came."""
    memberships = Membership.objects.filter(room=room.id)
    if person is not None:
        found = memberships.filter(user_id=person.id).first()
    else:
        found = memberships.filter(user_name=storable(account)).first()
    if found is None:
        raise MemberNotFound(room.name, account)
    return found


def _take_out(room: LockedRoom, membership: Membership) -> None:
    if membership.role == Membership.Role.OWNER:
        _check_other_owner(room, membership.user_id, membership.user_name)
    membership.delete()


def _check_other_owner(room: LockedRoom, user_id: str, account: str) -> None:
    owners = Membership.objects.filter(room=room.id, role=Membership.Role.OWNER)
    if not owners.exclude(user_id=user_id).exists():
        raise LastOwner(room.name, account)
