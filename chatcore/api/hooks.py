"""Incoming hooks: an address that is a secret, into one room, in the simple form of Slack and Mattermost."""

from dataclasses import replace

from chatcore.api.answers import TEXT, Reply
from chatcore.api.operations import Operation
from chatcore.api.posting import stored_alone
from chatcore.api.requests import Call
from chatcore.api.shapes import HookMessage
from chatcore.services import Post


async def post_by_hook(call: Call) -> Reply:
    """`POST hooks/{secret}`."""
    message: HookMessage = call.body
    actor = call.actor
    call.process.limits.spend_message(actor)
    if message.username:
        actor = replace(actor, username=message.username)
    await stored_alone(call, Post(room=call.hook_room, text=message.text, actor=actor, source="http"))
    return Reply(b"ok", media=TEXT)


OPERATIONS = (
    Operation(
        "POST", "hooks/{secret}", "post_by_hook", "Post by a hook", post_by_hook,
        answers={200: str}, needs=None, by_secret=True, body=HookMessage, form=True,
        description="The address is all that it takes: who knows it can post into its room, and nothing else. The "
        "body is JSON, or a form with that JSON in its field `payload`. Keys that are not named here are ignored.",
    ),
)  # fmt: skip
