"""Within a transaction: which earlier message answers a post that wants a slot, or to be sent only once."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from chatcore import events
from chatcore.actors import Actor
from chatcore.history import message as stored_message
from chatcore.models import Message
from chatcore.services.locking import LockedRoom
from chatcore.services.posts import USUAL, Post, expiry, rare_attributes


def message_in_slot(post: Post, room: LockedRoom, now: datetime) -> Message | None:
    """The live message of this author and kind in the post's slot."""
    if post.slot is None:
        return None
    live = Message.objects.filter(_live(now), _by(post.actor), room=room.id, slot=post.slot, kind=post.kind)
    found = live.order_by("-seq").first()
    return None if found is None or found.seq <= room.seq_floor else found


def earlier_message(post: Post, room: LockedRoom, now: datetime) -> events.Message | None:
    """What was sent within `post.once` and is still there: the same text, or whatever is in the slot."""
    if post.once is None:
        return None
    since = now - post.once
    sent = Message.objects.filter(_live(now), _by(post.actor), room=room.id)
    if post.slot is not None:
        found = sent.filter(Q(created_at__gt=since) | Q(edited_at__gt=since), slot=post.slot)
    else:
        found = sent.filter(created_at__gt=since, text=post.text)
    seq = found.order_by("-seq").values_list("seq", flat=True).first()
    return None if seq is None or seq <= room.seq_floor else stored_message(room.id, room.name, seq)


def differs(message: Message, post: Post) -> bool:
    """Whether the post would change what the message in its slot says, or how long."""
    timed = post.lifetime is not None or post.expires_at != message.expires_at
    return timed or message.text != post.text or _rare(message) != _rare(post)


def revision_of(post: Post, now: datetime) -> dict[str, Any]:
    """What the message in the slot becomes."""
    rare = {**USUAL, **rare_attributes(post)}
    return {"text": post.text, "expires_at": expiry(post, now), **rare}


def _rare(of: Message | Post) -> dict[str, Any]:
    if isinstance(of, Message):  # whom it mentions follows from its text
        return {name: value for name, value in (of.extra or {}).items() if name != "mentions"}
    return rare_attributes(of)


def _live(now: datetime) -> Q:
    """Neither deleted nor expired, whether or not a clock has emptied it yet."""
    return Q(deleted_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))


def _by(actor: Actor) -> Q:
    """By this person or token; the system and its bots keep one slot together."""
    if actor.is_person or actor.is_token:
        return Q(author_type=actor.type, author_id=actor.id)
    return Q(author_type__in=("system", "bot"))
