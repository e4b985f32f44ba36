"""Posting one message, at once or later; calling off what was to be sent later."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Literal, TypeVar

from chatcore.actors import Actor
from chatcore.api.answers import Reply
from chatcore.api.drafts import check_local, drafted, in_utc
from chatcore.api.operations import Operation
from chatcore.api.requests import Call
from chatcore.api.shapes import Answer, Appointed, NewMessage, Outcome, Writing
from chatcore.api.waiting import reached, wanted
from chatcore.events import Delete, Edit, Message
from chatcore.exceptions import ChatError, RoomNotFound
from chatcore.services import Appointment, Post, Posted, cancel_message, create_room, schedule_messages
from chatcore.services.trial import checked_posts

T = TypeVar("T")


async def post_message(call: Call) -> Reply:
    """`POST rooms/{room}/messages`."""
    message: NewMessage = call.body
    post = await drafted(call, message, call.room, call.header(b"idempotency-key"))
    asked: Writing = call.query
    if asked.dry_run:
        return Reply((await dry_run(call, [post]))[0])
    if message.at is not None:
        return Reply((await appointed(call, [post], message.at))[0], 202)
    (answer,) = await answered(call, [post], lambda: stored_alone(call, post))
    return Reply(answer, 201 if answer.status == "sent" else 200)


async def cancel_scheduled(call: Call) -> Reply:
    """`DELETE scheduled/{id}`."""
    call.process.limits.spend_message(call.actor)
    lane = call.process.writer.lanes[0]
    return Reply(_appointed(await lane.run(_cancel, call.parameters["id"], call.actor), "cancelled"))


async def answered(call: Call, posts: Sequence[Post], store: Callable[[], Awaitable[list[Posted]]]) -> list[Answer]:
    """Store the posts by `store`, wait as is wished, and say what became of each. ChatError when they are refused."""
    asked: Writing = call.query
    until = asyncio.get_running_loop().time() + asked.timeout
    limits, wait = call.process.limits, wanted(asked.wait)
    with ExitStack() as stack:
        if wait is not None:  # it stays as long as a socket may
            stack.callback(limits.enter(posts[0].actor, call.host).leave)
        limits.spend_message(posts[0].actor, len(posts))
        stored = await _creating(call, posts, store)
        far = await reached(call, wait, stored, until)
        return [
            answer(call, posted.outcome, posted.message, **counts) for posted, counts in zip(stored, far, strict=True)
        ]


async def appointed(call: Call, posts: Sequence[Post], at: datetime) -> list[Appointed]:
    """Keep the posts until then, all or none."""
    call.process.limits.spend_message(posts[0].actor, len(posts))
    due_at, lane = in_utc(at, "at"), call.process.writer.lane(posts[0].room)
    kept = await _creating(call, posts, lambda: lane.run(_schedule, posts, due_at))
    return [_appointed(one, "duplicate" if one.duplicate else "scheduled") for one in kept]


async def dry_run(call: Call, posts: Sequence[Post]) -> list[Answer]:
    """What would become of the posts now. It costs the rate what the posts would: it may name any room."""
    asked: Writing = call.query
    call.process.limits.spend_message(posts[0].actor, len(posts))
    if asked.create:
        check_local(call, "create")
    messages = await call.process.hub.lookout.read(checked_posts, posts, asked.create)
    return [Answer(status="dry-run", live="none", message=message) for message in messages]


def answer(call: Call, status: Outcome, event: Message | Edit | Delete, **reached: int | None) -> Answer:
    """What became of a message, of which the servers were told."""
    live: Literal["deferred", "pushed"] = "deferred" if call.process.bell.failing else "pushed"
    return Answer(status=status, live=live, message=event, **reached)


async def stored_alone(call: Call, post: Post) -> list[Posted]:
    """The post, once it is on disk, with all others that wait for the disk. ChatError."""
    outcome: asyncio.Future[Posted | ChatError] = asyncio.get_running_loop().create_future()

    def done(result: Posted | ChatError) -> None:
        if not outcome.done():  # who asked has left
            outcome.set_result(result)

    call.process.writer.post(post, done)
    result = await outcome
    if isinstance(result, ChatError):
        raise result
    return [result]


async def _creating(call: Call, posts: Sequence[Post], attempt: Callable[[], Awaitable[T]]) -> T:
    """The attempt, and with `create` once more for each room that is missing, unless one of the posts would be
    refused there."""
    asked: Writing = call.query
    if not asked.create:
        return await attempt()
    check_local(call, "create")
    made: set[str] = set()
    while True:
        try:
            return await attempt()
        except RoomNotFound as missing:
            if missing.name in made:
                raise
            if not made:
                await call.process.hub.lookout.read(checked_posts, posts, True)
            await call.process.writer.run(_create, missing.name, posts[0].actor)
            made.add(missing.name)


def _create(name: str, actor: Actor, *, announce: object, timeout: float) -> object:
    return create_room(name, existing="keep", actor=actor, timeout=timeout)


def _schedule(posts: Sequence[Post], due_at: datetime, *, announce: object, timeout: float) -> list[Appointment]:
    return schedule_messages(posts, due_at, timeout=timeout)


def _cancel(appointment: str, actor: Actor, *, announce: object, timeout: float) -> Appointment:
    return cancel_message(appointment, actor, timeout=timeout)


def _appointed(found: Appointment, status: Literal["scheduled", "duplicate", "cancelled"]) -> Appointed:
    return Appointed(status=status, id=found.id, room=found.room, at=found.due_at, message=found.message)


OPERATIONS = (
    Operation(
        "POST", "rooms/{room}/messages", "post_message", "Post a message", post_message,
        answers={201: Answer, 200: Answer, 202: Appointed}, needs="send",
        query=Writing, body=NewMessage, text=True, keyed=True,
        description="A body of text/plain, or of no type, or of the type that curl sends by default, is the text of "
        "the message; JSON can say more. 201: it is on disk. 200: it was there already (a repeated key: duplicate; "
        "`once`: suppressed), the message in the slot was edited, or this was a dry run. 202: it is sent later.",
    ),
    Operation(
        "DELETE", "scheduled/{id}", "cancel_scheduled", "Call off a scheduled message", cancel_scheduled,
        answers={200: Appointed}, needs="send",
        description="What this token has scheduled by `at` and what was not sent yet.",
    ),
)  # fmt: skip
