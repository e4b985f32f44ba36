"""Whether people who are in rooms may still be there."""

from collections.abc import Mapping, Sequence
from itertools import islice

from django.contrib.auth import get_user_model

from chatcore.exceptions import ChatError, NotSignedIn, RoomNotFound
from chatcore.history.people import standings
from chatcore.history.rooms import rooms_numbered
from chatcore.permissions import NOBODY, Actor, check_read

#: People in one query, well below what a database takes.
_AT_ONCE = 2000

#: A room's id and an account's; a guest's is empty.
Key = tuple[int, str]


def refused_readers(visitors: Mapping[int, Sequence[Actor]]) -> dict[Key, ChatError]:
    """By room and account, why somebody of these visitors may not read there any more.

    A few queries for any number of them. Whether somebody is a superuser counts as he came.
    """
    rooms = rooms_numbered(visitors)
    pairs = iter([(room_id, actor) for room_id, actors in visitors.items() for actor in actors])
    refused: dict[Key, ChatError] = {}
    while some := list(islice(pairs, _AT_ONCE)):
        standing_of = standings(some)
        active = _active({actor.id for _, actor in some if actor.type == "user"})
        for room_id, actor in some:
            key = (room_id, actor.id)
            try:
                if actor.type == "user" and actor.id not in active:
                    raise NotSignedIn
                if (room := rooms.get(room_id)) is None:
                    raise RoomNotFound("")
                check_read(actor, room, standing_of.get(key, NOBODY))
            except ChatError as error:
                refused[key] = error
    return refused


def _active(ids: set[str]) -> set[str]:
    """Those of these accounts that exist and are not switched off."""
    model = get_user_model()
    users = model._default_manager.filter(pk__in=ids)
    if any(field.name == "is_active" for field in model._meta.get_fields()):
        users = users.filter(is_active=True)
    return {str(pk) for pk in users.values_list("pk", flat=True)}
