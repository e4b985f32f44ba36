"""How far messages have got: to the sockets of running servers, and to people."""

from collections.abc import Sequence
from datetime import datetime

from chatcore.models import Answer, Inquiry, Message, ReadMark
from chatcore.names import room_key


def open_inquiries(since: datetime) -> list[tuple[str, Sequence[tuple[int, int]]]]:
    """What was asked since then: the inquiry's id, and its events as room id and rev."""
    asked = Inquiry.objects.filter(asked_at__gt=since).order_by("asked_at").values_list("pk", "events")
    return [(str(pk), [(room_id, rev) for room_id, rev in events]) for pk, events in asked]


def deliveries(inquiry: str) -> dict[str, int]:
    """The answers so far: how many sockets of each server (`hostname:pid`)."""
    return dict(Answer.objects.filter(inquiry_id=inquiry).values_list("server", "sockets"))


def readers_of(room: str, seq: int) -> int:
    """How many people have acknowledged message `seq` of the room; its author does not count."""
    marks = ReadMark.objects.filter(room__name_key=room_key(room), seq__gte=seq)
    author = Message.objects.filter(room__name_key=room_key(room), seq=seq, author_type="user").values("author_id")
    return marks.exclude(user_id__in=author).count()
