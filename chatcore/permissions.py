"""Who may do what. The only rules: each raises or returns None. No queries: what they need is handed in.

A site may narrow them by a function of its own (`CHAT_PERMISSIONS`).
"""

import logging
from dataclasses import dataclass
from typing import Protocol

from django.db import Error as DatabaseError
from django.utils.module_loading import import_string

from chatcore import conf
from chatcore.actors import Ability, Actor, Grant
from chatcore.database import opening
from chatcore.exceptions import Forbidden, IsSuperuser, NotSignedIn, RoomArchived, RoomNotFound

logger = logging.getLogger(__name__)

#: Of a token that was given nothing.
_NOTHING = Grant()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is in one room and on the site at this moment."""

    role: str | None = None
    muted: bool = False
    banned: bool = False

    @property
    def moderates(self) -> bool:
        """Whether the role keeps order in the room."""
        return self.role in ("owner", "moderator")


NOBODY = Standing()
#: What a member of a room may be, the lowest first.
ROLES = ("member", "moderator", "owner")


class RoomRules(Protocol):
    """What the rules need to know of a room."""

    @property
    def name(self) -> str: ...
    @property
    def private(self) -> bool: ...
    @property
    def announce_only(self) -> bool: ...
    @property
    def archived(self) -> bool: ...


class Narrowing(Protocol):
    """The function that `CHAT_PERMISSIONS` names: a site's own word, after the rules here have let something pass.

    False refuses it; the chat's own refusals stand whatever it says. It is asked about people, not about superusers,
    the system or tokens: `action` is read, post, edit, delete, join, members, archive, change or create; `room` is
    None for create. Keep it quick, it is asked under locks: for each post, for each room of a list, and every three
    seconds for each person in a room. It may ask the database, and must not write. Where it raises, that is in the
    log and the person is refused; but for the database's own errors, which refuse nobody.
    """

    def __call__(self, actor: Actor, action: str, room: RoomRules | None) -> bool: ...


def site_allows(actor: Actor, action: str, room: RoomRules | None) -> bool:
    """Whether the site has nothing against it."""
    path = conf.settings.PERMISSIONS
    if path is None or not actor.is_person or actor.is_superuser:
        return True
    narrowing: Narrowing = import_string(path)
    try:
        with opening():
            return bool(narrowing(actor, action, room))
    except DatabaseError:
        raise
    except Exception:  # what others write at the same moment must not fail with it
        where = f" in {room.name}" if room is not None else ""
        logger.exception("CHAT_PERMISSIONS failed: %s may not %s%s", actor.name, action, where)
        return False


def _ask_site(actor: Actor, action: str, room: RoomRules | None) -> None:
    if not site_allows(actor, action, room):
        raise Forbidden("this site's own rules do not let you do this")


def check_visit(actor: Actor, standing: Standing) -> None:
    """Seeing which rooms there are: whoever is not banned. Who may read none sees none."""
    if actor.is_person and not actor.is_superuser:
        _check_ban(standing)


def check_sight(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Knowing that there is such a room: who may read there, and tokens that may only write."""
    if not actor.is_token:
        check_read(actor, room, standing)
    elif room.name and not _grant(actor).covers(room.name, room.private):
        raise RoomNotFound(room.name)


def check_read(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Reading: people in public rooms, members in private ones; to others a private room does not exist."""
    if actor.is_token:
        check_sight(actor, room, standing)
        _check_ability(actor, "read")
    if not actor.is_person or actor.is_superuser:
        return
    _check_ban(standing)
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        raise NotSignedIn
    if room.private and standing.role is None:
        raise RoomNotFound(room.name)
    if room.name and not site_allows(actor, "read", room):
        raise RoomNotFound(room.name)


def check_post(actor: Actor, room: RoomRules, standing: Standing, kind: str = "message") -> None:
    """Posting, and typing: whoever reads and is not muted; what is set apart from chat only by those in charge."""
    check_sight(actor, room, standing)
    if room.archived:
        raise RoomArchived(room.name)
    if actor.is_token:
        _check_ability(actor, "send")
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
    in_charge = standing.moderates or actor.is_staff
    if room.announce_only and not in_charge:
        raise Forbidden(f"room {room.name} is for announcements: only its owners and moderators write here")
    if kind != "message" and not in_charge:
        raise Forbidden(f"only owners, moderators and staff may post a message of kind {kind}")
    _ask_site(actor, "post", room)


def check_edit(actor: Actor, room: RoomRules, standing: Standing, author: tuple[str, str]) -> None:
    """Editing: the author alone (`author` is type and id), nobody in an archived room."""
    check_sight(actor, room, standing)
    if room.archived:
        raise RoomArchived(room.name)
    if actor.is_token:
        _check_own(actor, author, "edit")
        return
    if not actor.is_person:
        if author[0] in ("system", "bot"):
            return
        raise Forbidden("only its author may edit a message")
    if actor.is_superuser:
        return
    _check_voice(actor, standing)
    if author != (actor.type, actor.id):
        raise Forbidden("only its author may edit a message")
    _ask_site(actor, "edit", room)


def check_delete(actor: Actor, room: RoomRules, standing: Standing, author: tuple[str, str]) -> None:
    """Deleting: the author and those in charge; in an archived room staff only."""
    check_sight(actor, room, standing)
    _ask_site(actor, "delete", room)
    if actor.is_superuser or actor.is_staff:
        return
    if room.archived:
        raise RoomArchived(room.name)
    if actor.is_token:
        _check_own(actor, author, "delete")
    if not actor.is_person:
        return
    _check_voice(actor, standing)
    if author != (actor.type, actor.id) and not standing.moderates:
        raise Forbidden("only its author or a moderator may delete a message")


def check_create_room(actor: Actor, standing: Standing) -> None:
    """Making rooms: everybody or staff, as `CHAT_ROOM_CREATE` says, but for who may not write: a room has a name."""
    if actor.type == "guest":
        raise NotSignedIn
    _check_no_token(actor)
    if not actor.is_person or actor.is_superuser:
        return
    _check_ban(standing)
    _check_voice(actor, standing)
    if conf.settings.ROOM_CREATE != "users" and not actor.is_staff:
        raise Forbidden("only staff may create rooms here")
    _ask_site(actor, "create", None)


def check_join(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Joining by oneself: public rooms that are not archived. Into a private room one is added by others."""
    check_read(actor, room, standing)
    _check_no_token(actor)
    if actor.type != "user":
        raise NotSignedIn("sign in to join")
    if room.archived:
        raise RoomArchived(room.name)
    _ask_site(actor, "join", room)


def grantable_roles(actor: Actor, room: RoomRules, standing: Standing) -> tuple[str, ...]:
    """The roles that the actor may give and take in the room, the lowest first; none for most people.

    Owners, staff and the system: all of them. Moderators: members alone. In an archived room staff only.
    """
    if actor.is_token:
        return ()
    in_charge = not actor.is_person or actor.is_superuser or (actor.is_staff and not standing.muted)
    if (room.archived or standing.muted) and not in_charge:
        return ()
    if in_charge or standing.role == "owner":
        return ROLES
    return ROLES[:1] if standing.moderates else ()


def check_member_change(actor: Actor, room: RoomRules, standing: Standing, *roles: str | None) -> None:
    """Adding, changing and removing members who have or get these roles. Leaving is everybody's own business."""
    check_read(actor, room, standing)
    grantable = grantable_roles(actor, room, standing)
    if not grantable:
        raise Forbidden("only owners, moderators and staff may add and remove members")
    for role in roles:
        if role is not None and role not in grantable:
            raise Forbidden(f"only owners and staff may make or unmake somebody {role}")
    _ask_site(actor, "members", room)


def check_archive(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Archiving a room and restoring it: its owners, and staff who may read it."""
    check_read(actor, room, standing)
    _check_no_token(actor)
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
    if standing.role != "owner" and not actor.is_staff:
        raise Forbidden("only owners and staff may archive or restore a room")
    _ask_site(actor, "archive", room)


def check_change_room(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Renaming a room and changing what it is: its owners, and staff who may read it; an archived one staff only."""
    check_read(actor, room, standing)
    _check_no_token(actor)
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
    _ask_site(actor, "change", room)
    if actor.is_staff:
        return
    if standing.role != "owner":
        raise Forbidden("only owners and staff may change a room")
    if room.archived:
        raise RoomArchived(room.name)


def check_sanction(actor: Actor, standing: Standing, person: Actor) -> None:
    """Muting and banning somebody, for the whole site: staff, but neither themselves nor other staff."""
    check_lift(actor, standing, person)
    if person.is_superuser:
        raise IsSuperuser(person.name)


def check_lift(actor: Actor, standing: Standing, person: Actor) -> None:
    """Lifting a mute or a ban: who may impose one."""
    _check_no_token(actor)
    if not actor.is_person:
        return
    if actor.id == person.id:
        raise Forbidden("nobody mutes, bans or frees himself: ask somebody else")
    if actor.is_superuser:
        return
    _check_ban(standing)
    _check_voice(actor, standing)
    if not actor.is_staff:
        raise Forbidden("only staff may mute and ban people")
    if person.is_staff or person.is_superuser:
        raise Forbidden("only superusers may mute and ban staff")


def check_erase(person: Actor) -> None:
    """Erasing an account, which is done by who runs the site: never one that could not be kept out meanwhile."""
    if person.is_superuser:
        raise IsSuperuser(person.name)


def _grant(token: Actor) -> Grant:
    return token.grant or _NOTHING


def _check_ability(token: Actor, ability: Ability) -> None:
    if ability not in _grant(token).can:
        raise Forbidden(f"this token may not {ability}: make one with --can {ability}")


def _check_own(token: Actor, author: tuple[str, str], verb: str) -> None:
    _check_ability(token, "send")
    if author != (token.type, token.id):
        raise Forbidden(f"a token may {verb} its own messages only")


def _check_no_token(actor: Actor) -> None:
    if actor.is_token:
        raise Forbidden("a token reads and sends: this takes an account, or a command")


def _check_ban(standing: Standing) -> None:
    if standing.banned:
        raise Forbidden("you are banned here; ask the people who run this site")


def _check_voice(actor: Actor, standing: Standing) -> None:
    if actor.type == "guest":
        raise NotSignedIn("sign in to write")
    if standing.muted:
        raise Forbidden("you are muted: you can read, but not write")
