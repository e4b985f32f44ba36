"""What people are: their accounts, and what they may do in rooms."""

import difflib
from collections.abc import Iterable
from itertools import chain

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils import timezone

from chatcore.actors import Actor, actor_for, display_name
from chatcore.database import connection, places, rows_of
from chatcore.exceptions import UserNotFound
from chatcore.models import Membership, Sanction
from chatcore.names import storable
from chatcore.permissions import NOBODY, Standing


def standings(wanted: Iterable[tuple[int, Actor]]) -> dict[tuple[int, str], Standing]:
    """What each person is in each room, by room and account id, in two queries for any number of them.

    In plain SQL: it is asked under the rooms' locks for every batch of posts.
    """
    people = {(room_id, actor.id) for room_id, actor in wanted if actor.type == "user"}
    if not people:
        return {}
    ids = list({user_id for _, user_id in people})
    quoted = connection.ops.quote_name
    members, sanctioned = quoted(Membership._meta.db_table), quoted(Sanction._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted(of_room, of_user) AS ({rows_of(people)}) "  # noqa: S608
            f"SELECT room_id, user_id, role FROM wanted CROSS JOIN {members} "
            "WHERE room_id = of_room AND user_id = of_user",
            list(chain(*people)),
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


def site_standing(actor: Actor) -> Standing:
    """What the actor is where no room counts: muted, banned, or neither."""
    return standings([(0, actor)]).get((0, actor.id), NOBODY)


#: Names in one query, well below what a database takes.
_NAMES_AT_ONCE = 1000
#: So many names are offered to choose from.
_MANY_NAMES = 200


def user_names(beginning: str) -> list[str]:
    """The names of accounts that begin so, in order; at most 200."""
    users = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    found = users.filter(**{f"{field}__startswith": storable(beginning)}).order_by(field)
    return [str(name) for name in found.values_list(field, flat=True)[:_MANY_NAMES]]


def account_names(ids: Iterable[str]) -> dict[str, str]:
    """The names of these accounts as they are now, by id; without those that are gone."""
    model = get_user_model()
    wanted = [pk for pk in ids if _is_key(model, pk)]
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _NAMES_AT_ONCE):
        known = model._default_manager.filter(pk__in=wanted[start : start + _NAMES_AT_ONCE])
        found.update((str(pk), str(name)) for pk, name in known.values_list("pk", model.USERNAME_FIELD))
    return found


def shown_names(ids: Iterable[str]) -> dict[str, str]:
    """What people see as the names of these accounts, by id; without those that are gone."""
    model = get_user_model()
    wanted = [pk for pk in ids if _is_key(model, pk)]
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _NAMES_AT_ONCE):
        known = model._default_manager.filter(pk__in=wanted[start : start + _NAMES_AT_ONCE])
        found.update((str(user.pk), display_name(user)) for user in known)
    return found


def _is_key(model: type[AbstractBaseUser], text: str) -> bool:
    """Whether it can be a primary key here: the account may live elsewhere."""
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return True


def member_names(room_id: int) -> list[str]:
    """The accounts of the room's members, in order; at most 200."""
    found = Membership.objects.filter(room=room_id).order_by("user_name")
    return list(found.values_list("user_name", flat=True)[:_MANY_NAMES])


#: Among so many accounts a near match is looked for: it is asked for by mistakes, which must stay cheap.
_MANY_ACCOUNTS = 2000


def existing_accounts(names: Iterable[str]) -> set[str]:
    """Those of these names that are accounts."""
    users = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    wanted = [name for name in names if name == storable(name)]
    found: set[str] = set()
    for start in range(0, len(wanted), _NAMES_AT_ONCE):
        some = wanted[start : start + _NAMES_AT_ONCE]
        found.update(users.filter(**{f"{field}__in": some}).values_list(field, flat=True))
    return found


def user_named(name: str) -> Actor:
    """The actor of this account; UserNotFound with near matches, or when it is switched off."""
    user = _account(name)
    if not user.is_active:
        raise UserNotFound(f"{name} (the account is switched off)")
    return actor_for(user)


def account_named(name: str) -> Actor:
    """The same, of an account that is switched off, too: for those who run the site."""
    return actor_for(_account(name))


def _account(name: str) -> AbstractBaseUser:
    users = get_user_model()._default_manager
    field = get_user_model().USERNAME_FIELD
    user = users.filter(**{field: storable(name)}).first()
    if user is None:
        names = [str(known) for known in users.values_list(field, flat=True)[:_MANY_ACCOUNTS]]
        raise UserNotFound(name, difflib.get_close_matches(name, names, 3, 0.6))
    return user
