"""From what a client sends to a post: who writes, when, and what only the server's own socket may ask for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chatcore import history
from chatcore.actors import Actor, bot
from chatcore.api.requests import Call
from chatcore.api.shapes import NewMessage
from chatcore.exceptions import BadRequest, Forbidden
from chatcore.services import Post


async def drafted(call: Call, message: NewMessage, room: str, key: str | None) -> Post:
    """The message as a post to this room. BadRequest, Forbidden, UserNotFound."""
    if message.expires_at is not None and message.expires_in is not None:
        raise BadRequest("give `expires_at` or `expires_in`, not both")
    return Post(
        room=room, text=message.message, actor=await _author(call, message), kind=message.kind, source=call.source,
        key=key, key_scope="cli" if call.local else None,
        title=message.title, priority=message.priority, tags=tuple(message.tags), format=message.format,
        url=message.url, reply_to=message.reply_to, slot=message.slot,
        expires_at=in_utc(message.expires_at, "expires_at"),
        lifetime=_time(message.expires_in), once=_time(message.once),
    )  # fmt: skip


async def acting(call: Call, account: str | None) -> Actor:
    """Who does it: the token, or that account, which the server's own socket may name. Forbidden, UserNotFound."""
    if account is None:
        return call.actor
    check_local(call, "as")
    return await call.process.hub.lookout.read(history.user_named, account)


def check_local(call: Call, what: str) -> None:
    """Forbidden unless the request came by the server's own socket."""
    if not call.local:
        raise Forbidden(f"`{what}` is for programs of the server's own machine: a token acts in its own name")


def in_utc(moment: datetime | None, name: str) -> datetime | None:
    """The moment as the database has it. BadRequest for one before or after all calendars."""
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise BadRequest(f"there is no such time in UTC: give another one as `{name}`") from error


async def _author(call: Call, message: NewMessage) -> Actor:
    """Who writes: the token under the name that it gives; by the server's own socket an account, a bot, the system."""
    if message.as_user is not None and message.username is not None:
        raise BadRequest("give `as` or `username`, not both")
    actor = await acting(call, message.as_user)
    if message.username is None:
        return actor
    return bot(message.username) if call.local else replace(actor, username=message.username)


def _time(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
