"""A message to be posted, and what its form must be."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from django.utils.timezone import is_naive

from chatcore import conf
from chatcore.events import Message as Event
from chatcore.exceptions import BadRequest, BadText, Empty, TooLong
from chatcore.models import Message
from chatcore.permissions import SYSTEM, Actor
from chatcore.services.locking import LockedRoom

_KINDS = frozenset(Message.Kind.values)
_FORMATS = frozenset(("text", "markdown", "code"))
_LONGEST_KEY, _LONGEST_TITLE, _LONGEST_NAME = 255, 200, 150
_LONGEST_URL, _LONGEST_SLOT, _LONGEST_TAG = 2000, 100, 50


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be posted. `key` makes a repeat safe within `key_scope` (the actor's own, unless given)."""

    room: str
    text: str
    actor: Actor = SYSTEM
    kind: str = "message"
    source: str = "code"
    key: str | None = None
    key_scope: str | None = None
    title: str | None = None
    priority: int = 3
    tags: tuple[str, ...] = ()
    format: str = "text"
    url: str | None = None
    reply_to: int | None = None
    slot: str | None = None
    expires_at: datetime | None = None

    @property
    def scope(self) -> str:
        """Within which the key is unique."""
        return self.key_scope or self.actor.key_scope


@dataclass(frozen=True, slots=True)
class Posted:
    """The message as it was stored; `duplicate` if an earlier post with the same key had stored it."""

    message: Event
    duplicate: bool


def check_text(text: str, limit: int, what: str = "the message") -> None:
    """Raise unless `text` can be stored and shown: not empty, not over `limit` characters, no NUL, whole characters."""
    if not text.strip():
        raise Empty(f"{what} is empty: write something")
    if len(text) > limit:
        raise TooLong(len(text), limit, what)
    if "\0" in text:
        raise BadText(f"{what} holds a NUL character: remove it")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadText(f"{what} is not valid Unicode (half a surrogate pair): send UTF-8") from error


def check_form(post: Post, room: LockedRoom) -> None:
    """Raise for a post that has not the form of a message."""
    check_text(post.text, room.max_length or conf.settings.MAX_LENGTH)
    if post.kind not in _KINDS:
        raise BadRequest(f"no kind {post.kind}: one of {', '.join(sorted(_KINDS))}")
    if post.format not in _FORMATS:
        raise BadRequest(f"no format {post.format}: one of {', '.join(sorted(_FORMATS))}")
    if post.priority not in range(1, 6):
        raise BadRequest(f"no priority {post.priority}: 1 (min) to 5 (max)")
    if post.reply_to is not None and not 1 <= post.reply_to <= room.last_seq:
        raise BadRequest(f"there is no message #{post.reply_to} in {room.name} to reply to")
    if post.expires_at is not None and is_naive(post.expires_at):
        raise BadRequest("the time of expiry has no time zone: give it one")
    for text, limit, what in (
        (post.key, _LONGEST_KEY, "the key"),
        (post.title, _LONGEST_TITLE, "the title"),
        (post.url, _LONGEST_URL, "the link"),
        (post.slot, _LONGEST_SLOT, "the slot"),
        (post.actor.username, _LONGEST_NAME, "the name"),
        *((tag, _LONGEST_TAG, "a tag") for tag in post.tags),
    ):
        if text is not None:
            check_text(text, limit, what)


def digest(post: Post) -> str:
    """By which a repeated request is told from another one under the same key."""
    request = [
        post.actor.type, post.actor.id, post.actor.name, post.text, post.kind, post.title, post.priority,
        post.tags, post.format, post.url, post.reply_to, post.slot,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()[:32]
