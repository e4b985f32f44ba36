"""Who is where, written by each server for its own sockets under a lease that it renews."""

from collections.abc import Collection, Mapping
from datetime import datetime

from chatcore.events import Present
from chatcore.models import Lease, Presence, Room
from chatcore.services.transaction import writing

#: A room's id and an account's.
Key = tuple[int, str]
_LONGEST_NAME = 150


def save_presence(
    server: str,
    version: int,
    until: datetime,
    here: Mapping[Key, Present],
    before: Mapping[Key, Present],
    *,
    timeout: float = 5.0,
) -> None:
    """Make the server's people, who are `before` in the database, those in `here`, and its lease last until then.

    If the lease was taken away meanwhile everybody is written again; a server without people has no lease.
    """
    with writing(timeout, lambda batches: None):
        if not here:
            Lease.objects.filter(server=server).delete()
            return
        lease, new = Lease.objects.update_or_create(server=server, defaults={"until": until, "version": version})
        known = {} if new else before
        for room_id, people in _by_room(known.keys() - here.keys()).items():
            Presence.objects.filter(lease=lease, room=room_id, user_id__in=people).delete()
        _add(lease, {key: person for key, person in here.items() if known.get(key) != person})


def forget_leases(before: datetime, *, timeout: float = 5.0) -> int:
    """Delete the leases that ended before then, with the people of those servers; how many."""
    with writing(timeout, lambda batches: None):
        over = list(Lease.objects.filter(until__lt=before).values_list("pk", flat=True))
        Lease.objects.filter(pk__in=over).delete()
    return len(over)


def _add(lease: Lease, people: Mapping[Key, Present]) -> None:
    if not people:
        return
    rooms = set(Room.objects.filter(pk__in={room_id for room_id, _ in people}).values_list("pk", flat=True))
    Presence.objects.bulk_create(
        [
            Presence(
                lease=lease,
                room_id=room_id,
                user_id=user_id,
                user_name=person.name[:_LONGEST_NAME],  # a site's own accounts may have longer ones
                username=person.username,
            )
            for (room_id, user_id), person in people.items()
            if room_id in rooms
        ],
        update_conflicts=True,
        unique_fields=["lease", "room", "user_id"],
        update_fields=["user_name", "username"],
        batch_size=500,
    )


def _by_room(keys: Collection[Key]) -> dict[int, list[str]]:
    rooms: dict[int, list[str]] = {}
    for room_id, user_id in keys:
        rooms.setdefault(room_id, []).append(user_id)
    return rooms
