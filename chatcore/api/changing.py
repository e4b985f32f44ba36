"""Editing and deleting messages; taking away the banner of a room."""

from functools import partial
from typing import Any

import msgspec

from chatcore.actors import Actor
from chatcore.api.answers import Reply
from chatcore.api.drafts import acting
from chatcore.api.operations import Operation
from chatcore.api.posting import answer
from chatcore.api.requests import Call
from chatcore.api.shapes import Acting, Answer, Answers, Changing, Revision
from chatcore.services import clear_banners, delete_message, edit_message
from chatcore.services.trial import checked_delete, checked_edit


async def change_message(call: Call) -> Reply:
    """`PATCH rooms/{room}/messages/{seq}`."""
    revision: Revision = call.body
    asked: Changing = call.query
    actor, seq, looks = await acting(call, asked.as_user), call.seq, _looks(revision)
    call.process.limits.spend_message(actor)
    if asked.dry_run:
        return await _unchanged(call, checked_edit, seq, revision.message, actor, looks)
    service = partial(edit_message, revision=looks)
    event = await call.process.writer.run(service, call.room, seq, revision.message, actor)
    return Reply(answer(call, "edited", event))


async def remove_message(call: Call) -> Reply:
    """`DELETE rooms/{room}/messages/{seq}`."""
    asked: Changing = call.query
    actor, seq = await acting(call, asked.as_user), call.seq
    call.process.limits.spend_message(actor)
    if asked.dry_run:
        return await _unchanged(call, checked_delete, seq, actor)
    return Reply(answer(call, "deleted", await call.process.writer.run(delete_message, call.room, seq, actor)))


async def clear_banner(call: Call) -> Reply:
    """`DELETE rooms/{room}/banner`."""
    asked: Acting = call.query
    actor = await acting(call, asked.as_user)
    call.process.limits.spend_message(actor)
    events = await call.process.writer.run(_cleared, call.room, actor)
    return Reply(Answers([answer(call, "deleted", event) for event in events]))


def _looks(revision: Revision) -> dict[str, Any]:
    """What else than the text is changed."""
    names = ("title", "priority", "tags", "format", "url")
    return {name: value for name in names if (value := getattr(revision, name)) is not msgspec.UNSET}


async def _unchanged(call: Call, check: Any, *what: Any) -> Reply:
    message = await call.process.hub.lookout.read(check, call.room, *what)
    return Reply(Answer(status="dry-run", live="none", message=message))


def _cleared(room: str, actor: Actor, *, announce: Any, timeout: float) -> Any:
    return clear_banners([room], actor, announce=announce, timeout=timeout)


OPERATIONS = (
    Operation(
        "PATCH", "rooms/{room}/messages/{seq}", "edit_message", "Edit a message", change_message,
        answers={200: Answer}, needs="send", query=Changing, body=Revision,
        description="A token's own messages only.",
    ),
    Operation(
        "DELETE", "rooms/{room}/messages/{seq}", "delete_message", "Delete a message", remove_message,
        answers={200: Answer}, needs="send", query=Changing,
        description="A token's own messages only. The text is gone, the number stays.",
    ),
    Operation(
        "DELETE", "rooms/{room}/banner", "clear_banner", "Take the banner of a room away", clear_banner,
        answers={200: Answers}, needs="send", query=Acting,
        description="A banner of the token's own. That there is none is no error: then there are no answers.",
    ),
)  # fmt: skip
