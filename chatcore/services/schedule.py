"""Messages for later: kept in the database, delivered once by whichever server finds them due."""

import hashlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chatcore import bell, conf, events, signals
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import BadRequest, ChatError, KeyReused, NotFound, RoomNotFound, Unavailable
from chatcore.history import standings, unknown_room, user_named
from chatcore.history.tokens import live_token, tokens_numbered
from chatcore.models import Scheduled
from chatcore.names import room_key
from chatcore.permissions import NOBODY, check_post
from chatcore.services.locking import LockedRoom, lock_rooms
from chatcore.services.log import described
from chatcore.services.posting import Tell, post_messages
from chatcore.services.posts import Post, check_form, digest
from chatcore.services.transaction import Announce, writing

logger = logging.getLogger(__name__)

#: Deliveries at one go: a server that was down for long goes on in the next round.
_AT_ONCE = 100
#: What of a post is not in the request that is kept: the room has a column, the key is the appointment's own.
_APART = frozenset(("room", "key", "key_scope", "once"))


@dataclass(frozen=True, slots=True)
class Appointment:
    """A message that waits: `message` is how it will look (number 0: none yet)."""

    id: str
    room: str
    due_at: datetime
    message: events.Message
    duplicate: bool = False


def schedule_messages(posts: Sequence[Post], due_at: datetime, *, timeout: float = 5.0) -> list[Appointment]:
    """Keep the posts until `due_at`, all or none. A repeat with the same key gives the first appointment.

    They are checked now, and again when they are delivered. RoomNotFound, Forbidden, KeyReused, BadRequest.
    """
    if due_at <= timezone.now():
        raise BadRequest("the time is over: schedule for a later one, or send now")
    with writing(timeout, lambda batches: None):
        rooms = lock_rooms(room_key(post.room) for post in posts)
        return [_kept(index, post, rooms, due_at) for index, post in enumerate(posts)]


def cancel_message(appointment_id: str, actor: Actor = SYSTEM, *, timeout: float = 5.0) -> Appointment:
    """Deliver it not: the system any, others their own. NotFound when there is no such one, or when it is over."""
    try:
        pk = uuid.UUID(appointment_id)
    except ValueError:
        raise NotFound("scheduled message", appointment_id) from None
    with writing(timeout, lambda batches: None):
        row = Scheduled.objects.select_for_update(of=("self",)).select_related("room").filter(pk=pk).first()
        if row is None or not _may_cancel(actor, row):
            raise NotFound("scheduled message", appointment_id)
        if row.done_at is not None:
            fate = f"was delivered as {row.room.name} #{row.seq}" if row.seq else f"was refused: {row.failure}"
            raise NotFound("scheduled message", appointment_id, hint=f" that still waits: it {fate}")
        appointment = _appointment(row, row.room.name)
        row.delete()
    return appointment


def _may_cancel(actor: Actor, row: Scheduled) -> bool:
    author = row.request.get("actor", {})
    return actor.type == "system" or (author.get("type"), author.get("id")) == (actor.type, actor.id)


def deliver_due(*, announce: Announce = bell.ring, tell: Tell = signals.tell, timeout: float = 5.0) -> int:
    """Post what is due; how many were posted. Any number of servers may try: each is delivered once."""
    waiting = Scheduled.objects.filter(done_at__isnull=True, due_at__lte=timezone.now())
    due = list(waiting.order_by("due_at").values_list("pk", flat=True)[:_AT_ONCE])
    done = 0
    for pk in due:
        new: list[events.Message] = []
        done += _deliver(pk, announce, new.extend, timeout)
        if new:
            tell(new)
    return done


def _kept(index: int, post: Post, rooms: dict[str, LockedRoom], due_at: datetime) -> Appointment:
    try:
        return _keep(post, _room_for(post, rooms), due_at)
    except ChatError as error:
        error.index = index
        raise


def _room_for(post: Post, rooms: dict[str, LockedRoom]) -> LockedRoom:
    """The room, if this post would be taken there now."""
    room = rooms.get(room_key(post.room))
    if room is None:
        raise unknown_room(post.room, post.actor)
    standing = standings([(room.id, post.actor)]).get((room.id, post.actor.id), NOBODY)
    try:
        check_post(post.actor, room, standing, post.kind)
    except RoomNotFound:
        raise unknown_room(post.room, post.actor) from None
    check_form(post, room, conf.settings.MAX_LENGTH)
    return room


def _keep(post: Post, room: LockedRoom, due_at: datetime) -> Appointment:
    message = described(post, replace(room, last_seq=-1, head=-1), due_at)
    request = digest(post) if post.key is not None else None
    key = None if post.key is None else _kept_key(post.scope, post.key)
    if post.key is not None:
        known = Scheduled.objects.filter(room=room.id, key=key).first()
        if known is not None and known.key_digest != request:
            raise KeyReused(post.key, known.seq or 0)
        if known is not None:
            return _appointment(known, room.name, duplicate=True)
    row = Scheduled.objects.create(
        id=uuid.UUID(message.id), room_id=room.id, due_at=due_at, request=_request(post),
        key=key, key_digest=request,
    )  # fmt: skip
    return _appointment(row, room.name)


def _kept_key(scope: str, key: str) -> str:
    """The key as the row has it, where nobody can take another one's: the commands' is bare, others' have their scope
    before them, and are digested, for they may be as long as the column is."""
    return key if scope in ("cli", "code") else f"{scope}:{hashlib.sha256(key.encode()).hexdigest()}"


def _appointment(row: Scheduled, room: str, *, duplicate: bool = False) -> Appointment:
    preview = LockedRoom(row.room_id, room, "", False, False, False, None, -1, -1, "")
    message = described(_post(row, room), preview, row.due_at)
    message.id = str(row.pk)
    return Appointment(str(row.pk), room, row.due_at, message, duplicate)


def _deliver(pk: uuid.UUID, announce: Announce, tell: Tell, timeout: float) -> int:
    with writing(timeout, lambda batches: None):
        row = Scheduled.objects.select_for_update(of=("self",)).select_related("room").filter(
            pk=pk, done_at__isnull=True
        ).first()  # fmt: skip
        if row is None:
            return 0  # another server was quicker
        try:
            post = _post(row, row.room.name)
            post = replace(post, actor=_now(post.actor))
            (result,) = post_messages([post], announce=announce, tell=tell)
        except ChatError as error:
            result = error
        except (KeyError, TypeError, ValueError) as error:  # of another version
            result = BadRequest(f"the request cannot be read ({error})")
        if isinstance(result, Unavailable):
            raise result
        row.done_at = timezone.now()
        if isinstance(result, ChatError):
            row.failure = str(result)[:500]
            logger.warning("the message scheduled as %s for %s was refused: %s", row.pk, row.room.name, result)
        else:
            row.seq = result.message.seq
        row.save(update_fields=["done_at", "failure", "seq"])
    return 0 if row.seq is None else 1


def _now(actor: Actor) -> Actor:
    """Who had it scheduled, with the rights that he has by now. UserNotFound, NotSignedIn."""
    if actor.type == "user":
        return user_named(actor.name)
    if actor.is_token:
        return replace(actor, grant=live_token(tokens_numbered([actor.id]).get(actor.id)).grant)
    return actor


def _request(post: Post) -> dict[str, Any]:
    """The post as JSON; what is as usual is left out."""
    given = {field.name: getattr(post, field.name) for field in fields(Post) if field.name not in _APART}
    given = {name: value for name, value in given.items() if name in ("text", "actor") or value != _DEFAULT[name]}
    given["actor"] = {name: value for name, value in asdict(post.actor).items() if name != "grant"}
    if post.expires_at is not None:
        given["expires_at"] = post.expires_at.isoformat()
    if post.lifetime is not None:
        given["lifetime"] = post.lifetime.total_seconds()
    return given


_DEFAULT = {field.name: field.default for field in fields(Post)}


def _post(row: Scheduled, room: str) -> Post:
    """The post of an appointment, under a key that makes its delivery happen once."""
    given = dict(row.request)
    given["actor"] = Actor(**given["actor"])
    given["tags"] = tuple(given.get("tags", ()))
    if "expires_at" in given:
        given["expires_at"] = datetime.fromisoformat(given["expires_at"])
    if "lifetime" in given:
        given["lifetime"] = timedelta(seconds=given["lifetime"])
    return Post(room=room, key=str(row.pk), key_scope="sched", **given)
