"""Who may do what. The only rules: each raises or returns None. No queries: what they need is handed in."""

from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.module_loading import import_string

from chatcore import conf
from chatcore.exceptions import Forbidden, IsSuperuser, NotSignedIn, RoomArchived, RoomNotFound

_LONGEST_USERNAME = 150


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `name` is the account, `username` what people see, `id` the account's primary key as text."""

    type: str
    id: str
    name: str
    username: str
    is_staff: bool = False
    is_superuser: bool = False

    @property
    def is_person(self) -> bool:
        """Whether roles, mutes and bans apply."""
        return self.type in ("user", "guest")

    @property
    def key_scope(self) -> str:
        """Within which the actor's keys are unique, so that nobody can claim another's."""
        return {"user": f"u:{self.id}", "token": f"t:{self.id}"}.get(self.type, "code")

    @property
    def label(self) -> str:
        """Who did it, for the log."""
        return f"{self.type}:{self.id}" if self.id else self.type


SYSTEM = Actor("system", "", "system", "system")
GUEST = Actor("guest", "", "", "guest")


def bot(name: str) -> Actor:
    """A labelled bot of the system."""
    return Actor("bot", "", name, name)


def actor_for(user: Any) -> Actor:
    """The actor of a Django user, anonymous or not."""
    if not user.is_authenticated:
        return GUEST
    return Actor(
        "user",
        str(user.pk),
        user.get_username(),
        display_name(user),
        bool(getattr(user, "is_staff", False)),
        bool(getattr(user, "is_superuser", False)),
    )


def display_name(user: Any) -> str:
    """What people see: `CHAT_DISPLAY_NAME`'s answer, else the full name, else the account up to `@`."""
    account = str(user.get_username())
    if conf.settings.DISPLAY_NAME:
        name = str(import_string(conf.settings.DISPLAY_NAME)(user))
    else:
        name = str(user.get_full_name()) if hasattr(user, "get_full_name") else ""
    return (name.strip() or account.partition("@")[0] or account)[:_LONGEST_USERNAME]


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


def check_visit(actor: Actor, standing: Standing) -> None:
    """Seeing which rooms there are: whoever is not banned. Who may read none sees none."""
    if actor.is_person and not actor.is_superuser:
        _check_ban(standing)


def check_read(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Reading: people in public rooms, members in private ones; to others a private room does not exist."""
    if not actor.is_person or actor.is_superuser:
        return
    _check_ban(standing)
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        raise NotSignedIn
    if room.private and standing.role is None:
        raise RoomNotFound(room.name)


def check_post(actor: Actor, room: RoomRules, standing: Standing, kind: str = "message") -> None:
    """Posting, and typing: whoever reads and is not muted; what is set apart from chat only by those in charge."""
    check_read(actor, room, standing)
    if room.archived:
        raise RoomArchived(room.name)
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
    in_charge = standing.moderates or actor.is_staff
    if room.announce_only and not in_charge:
        raise Forbidden(f"room {room.name} is for announcements: only its owners and moderators write here")
    if kind != "message" and not in_charge:
        raise Forbidden(f"only owners, moderators and staff may post a message of kind {kind}")


def check_edit(actor: Actor, room: RoomRules, standing: Standing, author: tuple[str, str]) -> None:
    """Editing: the author alone (`author` is type and id), nobody in an archived room."""
    check_read(actor, room, standing)
    if room.archived:
        raise RoomArchived(room.name)
    if not actor.is_person:
        if author[0] in ("system", "bot"):
            return
        raise Forbidden("only its author may edit a message")
    if actor.is_superuser:
        return
    _check_voice(actor, standing)
    if author != (actor.type, actor.id):
        raise Forbidden("only its author may edit a message")


def check_delete(actor: Actor, room: RoomRules, standing: Standing, author: tuple[str, str]) -> None:
    """Deleting: the author and those in charge; in an archived room staff only."""
    check_read(actor, room, standing)
    if actor.is_superuser or actor.is_staff:
        return
    if room.archived:
        raise RoomArchived(room.name)
    if not actor.is_person:
        return
    _check_voice(actor, standing)
    if author != (actor.type, actor.id) and not standing.moderates:
        raise Forbidden("only its author or a moderator may delete a message")


def check_create_room(actor: Actor, standing: Standing) -> None:
    """Making rooms: everybody or staff, as `CHAT_ROOM_CREATE` says, but for who may not write: a room has a name."""
    if actor.type == "guest":
        raise NotSignedIn
    if not actor.is_person or actor.is_superuser:
        return
    _check_ban(standing)
    _check_voice(actor, standing)
    if conf.settings.ROOM_CREATE != "users" and not actor.is_staff:
        raise Forbidden("only staff may create rooms here")


def check_join(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Joining by oneself: public rooms that are not archived. Into a private room one is added by others."""
    check_read(actor, room, standing)
    if actor.type != "user":
        raise NotSignedIn("sign in to join")
    if room.archived:
        raise RoomArchived(room.name)


def grantable_roles(actor: Actor, room: RoomRules, standing: Standing) -> tuple[str, ...]:
    """The roles that the actor may give and take in the room, the lowest first; none for most people.

    Owners, staff and the system: all of them. Moderators: members alone. In an archived room staff only.
    """
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


def check_archive(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Archiving a room and restoring it: its owners, and staff who may read it."""
    check_read(actor, room, standing)
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
    if standing.role != "owner" and not actor.is_staff:
        raise Forbidden("only owners and staff may archive or restore a room")


def check_change_room(actor: Actor, room: RoomRules, standing: Standing) -> None:
    """Renaming a room and changing what it is: its owners, and staff who may read it; an archived one staff only."""
    check_read(actor, room, standing)
    if not actor.is_person or actor.is_superuser:
        return
    _check_voice(actor, standing)
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


def _check_ban(standing: Standing) -> None:
    if standing.banned:
        raise Forbidden("you are banned here; ask the people who run this site")


def _check_voice(actor: Actor, standing: Standing) -> None:
    if actor.type == "guest":
        raise NotSignedIn("sign in to write")
    if standing.muted:
        raise Forbidden("you are muted: you can read, but not write")
