"""`chatcore.post`: how other code of the same site posts, from views, signals and tasks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async

from chatcore.actors import SYSTEM, Actor, actor_for, bot
from chatcore.events import Edit, Message
from chatcore.exceptions import ChatError
from chatcore.services.posting import post_messages
from chatcore.services.posts import Post


def post(
    room: str,
    text: str,
    *,
    author: Any = None,
    kind: str | None = None,
    key: str | None = None,
    title: str | None = None,
    priority: int = 3,
    tags: Sequence[str] = (),
    format: str = "text",
    url: str | None = None,
    reply_to: int | None = None,
    slot: str | None = None,
    once: timedelta | None = None,
    expires_at: datetime | None = None,
) -> Message | Edit:
    """Post one message and return it as stored. `author` is a user, the name of a bot, or None for the system.

    Outside a transaction it is on disk when this returns, and its readers are told at once. Inside one it joins
    it: rolled back, nothing is stored and nobody is told; the room's row stays locked until the outer commit.
    `kind` is `message` for a user and `announcement` otherwise. With `slot` the author's live message of that name is
    edited, if there is one; with `once` nothing is sent if the same was sent so short a time ago, and the earlier
    message is returned. Raises the ChatError that says why not.
    """
    actor = _actor(author)
    wanted = Post(
        room=room, text=text, actor=actor, kind=kind or ("message" if actor.type == "user" else "announcement"),
        key=key, title=title, priority=priority, tags=tuple(tags), format=format, url=url, reply_to=reply_to,
        slot=slot, once=once, expires_at=expires_at,
    )  # fmt: skip
    (result,) = post_messages([wanted])
    if isinstance(result, ChatError):
        raise result
    return result.message


async def apost(room: str, text: str, **options: Any) -> Message | Edit:
    """`post` for asynchronous code: the same arguments, in Django's thread for the database."""
    return await sync_to_async(post)(room, text, **options)


def _actor(author: Any) -> Actor:
    if author is None:
        return SYSTEM
    return bot(author) if isinstance(author, str) else actor_for(author)
