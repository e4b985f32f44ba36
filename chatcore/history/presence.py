"""Who is where, by all servers that live."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count
from django.utils import timezone

from chatcore.events import Present
from chatcore.models import Lease, Presence

#: In a room with more people they are counted, and not named.
MOST_NAMES = 100


class LeaseView(NamedTuple):
    """A server's lease; `version` moves with each change of its people."""

    server: str
    version: int
    until: datetime


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a room: how many, each once however many sockets, and who, unless there are too many to name."""

    count: int
    people: list[Present] | None


def leases() -> list[LeaseView]:
    """The leases of all servers, also of those that have ended."""
    return [LeaseView(*row) for row in Lease.objects.values_list("server", "version", "until")]


def present_counts(room_ids: Collection[int]) -> dict[int, int]:
    """How many people are in each of these rooms in which somebody is."""
    rooms = Presence.objects.filter(room__in=room_ids, lease__until__gt=timezone.now()).order_by()
    return dict(rooms.values_list("room").annotate(people=Count("user_id", distinct=True)))


def present_people(room_ids: Collection[int], most_names: float = MOST_NAMES) -> dict[int, People]:
    """Who is in each of these rooms, by name."""
    counts = present_counts(room_ids)
    named = [room_id for room_id, count in counts.items() if count <= most_names]
    rows = Presence.objects.filter(room__in=named, lease__until__gt=timezone.now()).order_by("username", "user_name")
    people: dict[int, dict[str, Present]] = {room_id: {} for room_id in named}
    for room_id, *person in rows.values_list("room", "user_id", "user_name", "username"):
        people[room_id].setdefault(person[0], Present(*person))
    found = {room_id: People(counts.get(room_id, 0), None) for room_id in room_ids}
    for room_id in room_ids:
        if room_id not in counts or room_id in people:
            here = list(people.get(room_id, {}).values())
            found[room_id] = People(len(here), here)
    return found
