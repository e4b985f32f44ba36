"""All that is stored about one person, wherever it lies."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Count

from chatcore import events
from chatcore.actors import Actor
from chatcore.events import to_dict
from chatcore.history.columns import COLUMNS, described_message
from chatcore.models import Membership, Message, Presence, ReadMark, Sanction, Scheduled

#: Messages that are read at once.
_AT_ONCE = 500


class Authored(NamedTuple):
    """A room in which somebody wrote, and how many messages."""

    room_id: int
    name: str
    messages: int


def personal_records(person: Actor) -> Iterator[dict[str, Any]]:
    """The account, then what hangs on it, then each message that the person wrote: objects with a `type` each."""
    yield {"type": "account", **_account(person)}
    yield from chain(_sanctions(person), _memberships(person), _read_marks(person), _presences(person))
    yield from _scheduled(person)
    for room in authored_rooms(person):
        after = 0
        while found := messages_by(person, room, after, _AT_ONCE):
            yield from map(to_dict, found)
            after = found[-1].seq


def authored_rooms(person: Actor) -> list[Authored]:
    """The rooms in which the person wrote, by name. It looks at every message there is."""
    rooms = _own(person).order_by("room__name_key").values_list("room", "room__name", "room__name_key")
    return [Authored(pk, name, count) for pk, name, _, count in rooms.annotate(count=Count("pk"))]


def numbers_by(person: Actor, room_id: int, after: int, limit: int) -> list[int]:
    """The numbers of up to `limit` of the person's messages in the room above number `after`, deleted ones too."""
    own = _own(person).filter(room=room_id, seq__gt=after).order_by("seq")
    return list(own.values_list("seq", flat=True)[:limit])


def messages_by(person: Actor, room: Authored, after: int, limit: int) -> list[events.Message]:
    """Those messages."""
    own = _own(person).filter(room=room.room_id, seq__gt=after).order_by("seq")
    return [described_message(room.name, row) for row in own.values_list(*COLUMNS)[:limit]]


def _own(person: Actor) -> Any:
    """Without what an import is bringing: it checks at its end that the people are still there."""
    own = Message.objects.filter(author_type=Message.AuthorType.USER, author_id=person.id)
    return own.exclude(room__epoch="")


def _account(person: Actor) -> dict[str, Any]:
    """The columns of the account, but its password, and the name that people see."""
    user = get_user_model()._default_manager.get(pk=person.id)
    columns = [field for field in user._meta.concrete_fields if not field.is_relation and field.name != "password"]
    return {**{field.name: _plain(field.value_from_object(user)) for field in columns}, "display_name": person.username}


def _plain(value: object) -> object:
    """As JSON has it, whatever a site's own accounts are made of."""
    return value if value is None or isinstance(value, (bool, int, float, str, datetime)) else str(value)


def _sanctions(person: Actor) -> Iterator[dict[str, Any]]:
    for row in Sanction.objects.filter(user_id=person.id).order_by("kind"):
        yield {"type": "sanction", **_values(row, ("kind", "created_at", "until", "reason", "by"))}


def _memberships(person: Actor) -> Iterator[dict[str, Any]]:
    rows = Membership.objects.filter(user_id=person.id).select_related("room").order_by("room__name_key")
    for row in rows:
        yield {"type": "membership", "room": row.room.name, **_values(row, ("role", "user_name", "joined_at"))}


def _read_marks(person: Actor) -> Iterator[dict[str, Any]]:
    for row in ReadMark.objects.filter(user_id=person.id).select_related("room").order_by("room__name_key"):
        yield {"type": "read_mark", "room": row.room.name, **_values(row, ("seq", "at"))}


def _presences(person: Actor) -> Iterator[dict[str, Any]]:
    rows = Presence.objects.filter(user_id=person.id).select_related("room", "lease").order_by("room__name_key")
    for row in rows:
        yield {"type": "presence", "room": row.room.name, "server": row.lease.server, "username": row.username}


def _scheduled(person: Actor) -> Iterator[dict[str, Any]]:
    rows = Scheduled.objects.filter(request__actor__type="user", request__actor__id=person.id)
    for row in rows.select_related("room").order_by("due_at"):
        yield {"type": "scheduled", "room": row.room.name, **_values(row, ("due_at", "done_at", "seq", "request"))}


def _values(row: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
