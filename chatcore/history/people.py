"""What people are: their accounts, and what they may do in rooms."""

import difflib
from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from chatcore.database import places
from chatcore.exceptions import UserNotFound
from chatcore.models import Membership, Sanction
from chatcore.names import storable
from chatcore.permissions import Actor, Standing, actor_for


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


#: So many names are offered to choose from.
_MANY_NAMES = 200


def user_names(beginning: str) -> list[str]:
    """The names of accounts that begin so, in order; at most 200."""
    users = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    found = users.filter(**{f"{field}__startswith": storable(beginning)}).order_by(field)
    return [str(name) for name in found.values_list(field, flat=True)[:_MANY_NAMES]]


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
