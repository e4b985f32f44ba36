"""Who acts: a person, a guest, the system, a bot, a token."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

from django.utils.module_loading import import_string

from chatcore import conf
from chatcore.names import room_key

_LONGEST_USERNAME = 150

Ability = Literal["read", "send"]
#: What a token may be let do.
ABILITIES: tuple[Ability, ...] = ("read", "send")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token may, and where: `rooms` are keys of rooms (`names.room_key`), and globs of keys.

    A glob with wildcards means public rooms alone; a private one is named whole. `can` is of `ABILITIES`, `rate` as
    `CHAT_RATE`, which holds where it is None.
    """

    rooms: tuple[str, ...] = ()
    can: tuple[Ability, ...] = ()
    rate: str | None = None
    expires_at: datetime | None = None

    def covers(self, room: str, private: bool) -> bool:
        """Whether the room of this name is one of those that the token may know of."""
        key = room_key(room)
        return key in self.rooms or (not private and any(fnmatchcase(key, glob) for glob in self.rooms))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `name` is the account, `username` what people see, `id` the account's primary key as text.

    Of a token: its name, the name that it was told to show, its public id; `grant` is what it may.
    """

    type: str
    id: str
    name: str
    username: str
    is_staff: bool = False
    is_superuser: bool = False
    grant: Grant | None = None

    @property
    def is_person(self) -> bool:
        """Whether roles, mutes and bans apply."""
        return self.type in ("user", "guest")

    @property
    def is_token(self) -> bool:
        """Whether it may what its grant says, and nothing where it has none."""
        return self.type == "token"

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
