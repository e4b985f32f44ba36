"""A message to be posted, and what its form must be."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.utils import timezone

from chatcore import events
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import BadRequest, BadText, Empty, MessageNotFound, TooLong
from chatcore.models import Message
from chatcore.services.locking import LockedRoom

_KINDS = frozenset(Message.Kind.values)
_FORMATS = frozenset(("text", "markdown", "code"))
_LONGEST_KEY, _LONGEST_TITLE, _LONGEST_NAME = 255, 200, 150
_LONGEST_URL, _LONGEST_SLOT, _LONGEST_TAG = 2000, 100, 50
_MOST_TAGS = 20
_SCHEMES = ("http://", "https://")

#: The rare attributes as most messages have them.
USUAL: dict[str, Any] = {
    "title": None,
    "priority": 3,
    "tags": [],
    "format": "text",
    "url": None,
    "reply_to": None,
    "mentions": [],
}


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be posted. `key` makes a repeat safe within `key_scope` (the actor's own, unless given).

    `slot`: the author's live message under that name is edited, if there is one. `once`: nothing is sent if the
    same text (or, with a slot, anything in it) was sent so short a time ago. `lifetime`: it expires so long after
    it was sent.
    """

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
    lifetime: timedelta | None = None
    once: timedelta | None = None

    @property
    def scope(self) -> str:
        """Within which the key is unique."""
        return self.key_scope or self.actor.key_scope


@dataclass(frozen=True, slots=True)
class Posted:
    """The message as it is stored, and how it came there: `duplicate` and `suppressed` give the earlier one."""

    message: events.Message | events.Edit
    outcome: Literal["sent", "duplicate", "suppressed", "edited"] = "sent"

    @property
    def duplicate(self) -> bool:
        """Whether an earlier post with the same key had stored it."""
        return self.outcome == "duplicate"


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


def check_form(post: Post, room: LockedRoom, limit: int) -> None:
    """Raise for a post that has not the form of a message; `limit`: characters, where the room has none of its own."""
    check_text(post.text, room.max_length or limit)
    if post.kind not in _KINDS:
        raise BadRequest(f"no kind {post.kind}: one of {', '.join(sorted(_KINDS))}")
    if post.reply_to is not None and not 1 <= post.reply_to <= room.last_seq:
        raise MessageNotFound(room.name, post.reply_to)
    if not _is_usual(post):
        check_attributes(title=post.title, priority=post.priority, tags=post.tags, format=post.format, url=post.url)
    _check_texts(
        (post.key, _LONGEST_KEY, "the key"),
        (post.slot, _LONGEST_SLOT, "the slot"),
        (post.actor.username, _LONGEST_NAME, "the name"),
    )


def check_attributes(
    *,
    title: str | None = None,
    priority: int = 3,
    tags: Sequence[str] = (),
    format: str = "text",
    url: str | None = None,
) -> None:
    """Raise for an attribute of a message that has not the form of one."""
    if format not in _FORMATS:
        raise BadRequest(f"no format {format}: one of {', '.join(sorted(_FORMATS))}")
    if priority not in range(1, 6):
        raise BadRequest(f"no priority {priority}: 1 (min) to 5 (max)")
    if url is not None and not url.lower().startswith(_SCHEMES):
        raise BadRequest(f"the link {url[:40]!r} leads nowhere safe: it must begin with http:// or https://")
    if len(tags) > _MOST_TAGS:
        raise BadRequest(f"the message has {len(tags)} tags, the limit is {_MOST_TAGS}")
    _check_texts(
        (title, _LONGEST_TITLE, "the title"),
        (url, _LONGEST_URL, "the link"),
        *((tag, _LONGEST_TAG, "a tag") for tag in tags),
    )


def _check_texts(*texts: tuple[str | None, int, str]) -> None:
    for text, limit, what in texts:
        if text is not None:
            check_text(text, limit, what)


def expiry(post: Post, sent_at: datetime) -> datetime | None:
    """When the post expires if it is sent then; BadRequest if that is before."""
    try:
        if post.lifetime is not None:
            return sent_at + post.lifetime
        if post.expires_at is None:
            return None
        if timezone.is_naive(post.expires_at):
            raise BadRequest("the time of expiry has no time zone: give it one")
        moment = post.expires_at.astimezone(UTC)  # PostgreSQL takes a year 10000, and Python cannot read it
    except OverflowError as error:
        raise BadRequest("the message would expire after the year 9999: give it an earlier time of expiry") from error
    if moment <= sent_at:
        raise BadRequest("the message would expire before it is sent: give it a later time of expiry")
    return moment


def _is_usual(post: Post) -> bool:
    """Whether it has none of the rare attributes, as most have not."""
    rare = (post.title, post.priority, post.tags, post.format, post.url, post.reply_to)
    return rare == (None, 3, (), "text", None, None)


def rare_attributes(post: Post) -> dict[str, Any]:
    """What is kept in the column `extra`: where it is not what it is for most."""
    if _is_usual(post):
        return {}
    given = {
        "title": post.title, "priority": post.priority, "tags": list(post.tags), "format": post.format,
        "url": post.url, "reply_to": post.reply_to,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value != USUAL[name]}


def digest(post: Post) -> str:
    """By which a repeated request is told from another one under the same key."""
    request = [
        post.actor.type, post.actor.id, post.actor.name, post.text, post.kind, post.title, post.priority,
        post.tags, post.format, post.url, post.reply_to, post.slot,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()[:32]
