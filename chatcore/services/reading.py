"""How far people have read, saved many at a time."""

from collections.abc import Mapping

from django.utils import timezone

from chatcore.models import ReadMark, Room
from chatcore.services.transaction import writing


def save_read_marks(marks: Mapping[tuple[int, str], int], *, timeout: float = 5.0) -> None:
    """Move the read marks, by room and account, forward to these message numbers; never back.

    A number above the room's last message counts as that one; a room that is gone is passed over.
    """
    if not marks:
        return
    with writing(timeout, lambda batches: None):
        known = {
            (room_id, user_id): seq
            for room_id, user_id, seq in ReadMark.objects.filter(
                room_id__in={room_id for room_id, _ in marks}, user_id__in={user_id for _, user_id in marks}
            ).values_list("room_id", "user_id", "seq")
        }
        last = dict(Room.objects.filter(pk__in={room_id for room_id, _ in marks}).values_list("pk", "last_seq"))
        now = timezone.now()
        ReadMark.objects.bulk_create(
            [
                ReadMark(room_id=room_id, user_id=user_id, seq=min(seq, last[room_id]), at=now)
                for (room_id, user_id), seq in sorted(marks.items())  # in one order, or two servers block each other
                if room_id in last and min(seq, last[room_id]) > known.get((room_id, user_id), 0)
            ],
            update_conflicts=True,
            unique_fields=["room", "user_id"],
            update_fields=["seq", "at"],
        )
