"""Whether people who are in rooms may still be there, and what they are in them now."""

from collections.abc import Mapping, Sequence
from itertools import islice

from django.contrib.auth import get_user_model

from chatcore.exceptions import ChatError, NotSignedIn
from chatcore.history.people import standings
from chatcore.history.rooms import Access, rooms_numbered
from chatcore.permissions import NOBODY, Actor, check_read

#: People in one query, well below what a database takes.
_AT_ONCE = 2000

#: A room's id and an account's; a guest's is empty.
Key = tuple[int, str]


def accesses(visitors: Mapping[int, Sequence[Actor]]) -> dict[Key, Access | ChatError]:
    """By room and account, what each of these visitors has access to, or why he may not read there any more.

    A few queries for any number of them. Of a room that is gone nothing is said: who follows it notices. Whether
    somebody is a superuser counts as he came.
    """
    rooms = rooms_numbered(visitors)
    pairs = iter([(room_id, actor) for room_id, actors in visitors.items() for actor in actors])
    found: dict[Key, Access | ChatError] = {}
    while some := list(islice(pairs, _AT_ONCE)):
        standing_of = standings(some)
        active = _active({actor.id for _, actor in some if actor.type == "user"})
        for room_id, actor in some:
            if (room := rooms.get(room_id)) is None:
                continue
            key = (room_id, actor.id)
            try:
                if actor.type == "user" and actor.id not in active:
                    raise NotSignedIn
                standing = standing_of.get(key, NOBODY)
                check_read(actor, room, standing)
                found[key] = Access(room, standing)
            except ChatError as error:
                found[key] = error
    return found


def _active(ids: set[str]) -> set[str]:
    """Those of these accounts that exist and are not switched off."""
    model = get_user_model()
    users = model._default_manager.filter(pk__in=ids)
    if any(field.name == "is_active" for field in model._meta.get_fields()):
        users = users.filter(is_active=True)
    return {str(pk) for pk in users.values_list("pk", flat=True)}
