"""The list of rooms as one person sees it: what is new in each, and who is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from chatcore.actors import Actor
from chatcore.events import Message as MessageEvent
from chatcore.history.log import message
from chatcore.history.presence import present_counts
from chatcore.history.rooms import RoomView, rooms_for
from chatcore.models import Membership, Message, ReadMark, Room


@dataclass(frozen=True, slots=True)
class ListedRoom:
    """A room, what the person is in it, and what is new there.

    `unread` is None in a room that the person neither belongs to nor has ever read; for a member who has not read
    it yet, what was written before he came is not new.
    """

    room: RoomView
    role: str | None
    unread: int | None
    present: int


_NEVER = datetime.min.replace(tzinfo=UTC)


def room_list(actor: Actor) -> list[ListedRoom]:
    """The rooms that the actor may read and that are not archived; the one that was last written to comes first."""
    rooms = rooms_for(actor)
    ids = [room.id for room in rooms]
    roles, read = _standing_of(ids, actor) if actor.type == "user" else ({}, {})
    present = present_counts(ids)
    listed = [
        ListedRoom(
            room,
            roles.get(room.id),
            max(0, room.last_seq - max(read[room.id], room.seq_floor)) if room.id in read else None,
            present.get(room.id, 0),
        )
        for room in rooms
    ]
    return sorted(listed, key=lambda found: found.room.last_message_at or _NEVER, reverse=True)


def _standing_of(room_ids: list[int], actor: Actor) -> tuple[dict[int, str], dict[int, int]]:
    """The person's roles, and the numbers up to which he has read or need not read, by room."""
    of_person = {"room": OuterRef("pk"), "user_id": actor.id}
    before = Message.objects.filter(room=OuterRef("pk"), created_at__lte=OuterRef("joined_at"))
    rows = (
        Room.objects.filter(pk__in=room_ids)
        .annotate(
            role=Subquery(Membership.objects.filter(**of_person).values("role")),
            joined_at=Subquery(Membership.objects.filter(**of_person).values("joined_at")),
            mark=Subquery(ReadMark.objects.filter(**of_person).values("seq")),
        )
        .filter(Q(role__isnull=False) | Q(mark__isnull=False))
        .annotate(before=Subquery(before.order_by("-created_at", "-seq").values("seq")[:1]))
        .values_list("pk", "role", Coalesce(F("mark"), F("before"), 0))
    )
    found = list(rows)
    return {pk: role for pk, role, _ in found if role is not None}, {pk: seq for pk, _, seq in found}


def common_banner(room_ids: Sequence[int]) -> MessageEvent | None:
    """The banner that stands in all these rooms: of the same moment in each, but for rooms that are younger than it."""
    rooms = Room.objects.filter(pk__in=room_ids)
    banners = Message.objects.filter(room=OuterRef("pk"), kind=Message.Kind.BANNER, seq__gt=OuterRef("seq_floor"))
    newest = banners.order_by("-seq").values("pk")[:1]
    standing = {
        banner.room_id: banner
        for banner in Message.objects.filter(pk__in=rooms.annotate(banner=Subquery(newest)).values("banner"))
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), deleted_at__isnull=True)
        .select_related("room")
    }
    created = dict(rooms.values_list("pk", "created_at"))
    oldest = min(created, key=lambda room_id: created[room_id], default=0)
    if (banner := standing.get(oldest)) is None:
        return None
    for room_id, made_at in created.items():
        here = standing.get(room_id)
        if made_at <= banner.created_at and (here is None or here.created_at != banner.created_at):
            return None
    return message(oldest, banner.room.name, banner.seq)
