"""Asking the running servers how far messages have got to their sockets. The database carries question and answer."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from chatcore.exceptions import RoomNotFound
from chatcore.models import Answer, Inquiry, Room
from chatcore.names import room_key
from chatcore.services.transaction import writing

#: So long after it was asked nobody waits for answers any more.
KEPT = timedelta(hours=1)


def ask_delivery(events: Sequence[tuple[str, int]], *, timeout: float = 5.0) -> str:
    """Ask every running server how many of its sockets have got these events (room and rev); the inquiry's id."""
    with writing(timeout, lambda batches: None):
        ids = dict(
            Room.objects.filter(name_key__in=[room_key(name) for name, _ in events]).values_list("name_key", "pk")
        )
        for name, _ in events:
            if room_key(name) not in ids:
                raise RoomNotFound(name)
        Inquiry.objects.filter(asked_at__lt=timezone.now() - KEPT).delete()
        inquiry = Inquiry.objects.create(id=uuid.uuid4(), events=[[ids[room_key(name)], rev] for name, rev in events])
    return str(inquiry.pk)


def answer_delivery(inquiry: str, server: str, sockets: int, *, timeout: float = 5.0) -> None:
    """This server's answer; another one to the same inquiry changes nothing, nor does one that is too late."""
    with writing(timeout, lambda batches: None):
        if Inquiry.objects.filter(pk=inquiry).exists():
            Answer.objects.get_or_create(inquiry_id=inquiry, server=server, defaults={"sockets": sockets})
