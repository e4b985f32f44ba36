"""Who belongs to a room."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Case, Value, When

from chatcore.history.people import account_names, shown_names
from chatcore.models import Membership
from chatcore.permissions import ROLES

#: So many are listed on a page, and so many accounts are asked for in one query.
_MOST_MEMBERS = 500


class Member(NamedTuple):
    """A member of a room: the account's primary key as text, its name as it is now, the role, since when."""

    user_id: str
    name: str
    role: str
    joined_at: datetime


def members(room_id: int, most: int | None = _MOST_MEMBERS) -> list[Member]:
    """The room's members, owners first, then moderators, each by name; all of them if `most` is None."""
    rank = Case(*[When(role=role, then=Value(-number)) for number, role in enumerate(ROLES)], default=Value(0))
    found = Membership.objects.filter(room=room_id).order_by(rank, "user_name")
    rows = [Member(*row) for row in found.values_list("user_id", "user_name", "role", "joined_at")[:most]]
    names: dict[str, str] = {}
    for start in range(0, len(rows), _MOST_MEMBERS):
        names.update(account_names(member.user_id for member in rows[start : start + _MOST_MEMBERS]))
    return [member._replace(name=names.get(member.user_id, member.name)) for member in rows]


def named_members(room_id: int) -> list[tuple[Member, str]]:
    """All members of the room, in the same order, each with the name that people see; of an account that is gone the
    account's."""
    found = members(room_id, None)
    names = shown_names(member.user_id for member in found)
    return [(member, names.get(member.user_id, member.name)) for member in found]
