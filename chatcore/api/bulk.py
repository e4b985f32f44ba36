"""Posting several messages in one transaction: all of them or none."""

from chatcore.api.answers import Reply
from chatcore.api.drafts import drafted
from chatcore.api.operations import Operation
from chatcore.api.posting import answered, appointed, dry_run
from chatcore.api.requests import Call
from chatcore.api.shapes import AllAppointed, Answers, NewMessages, Writing
from chatcore.exceptions import BadRequest, ChatError
from chatcore.services import Post

_BODY_BYTES = 8 * 1024 * 1024


async def post_messages(call: Call) -> Reply:
    """`POST messages`."""
    posts = await _drafted(call)
    asked: Writing = call.query
    if asked.dry_run:
        return Reply(Answers(await dry_run(call, posts)))
    messages: NewMessages = call.body
    at = messages.messages[0].at
    if at is not None:
        return Reply(AllAppointed(await appointed(call, posts, at)), 202)
    return Reply(Answers(await answered(call, posts, lambda: call.process.writer.post_together(posts))), 201)


async def _drafted(call: Call) -> list[Post]:
    """The messages as posts of one author and one time. ChatError with the `index` of the one that is wrong."""
    messages: NewMessages = call.body
    first, posts = messages.messages[0], []
    for index, message in enumerate(messages.messages):
        try:
            if (message.at, message.as_user) != (first.at, first.as_user):
                raise BadRequest("all messages of a request have the same `at` and `as`: send the others apart")
            posts.append(await drafted(call, message, message.room, message.key))
        except ChatError as error:
            error.index = index
            raise
    return posts


OPERATIONS = (
    Operation(
        "POST", "messages", "post_messages", "Post several messages together", post_messages,
        answers={201: Answers, 200: Answers, 202: AllAppointed}, needs="send",
        query=Writing, body=NewMessages, body_bytes=_BODY_BYTES,
        description="One transaction, into one room or into several: all messages or none, in this order. The error "
        "of the first one that is refused has its `index`. 201: they are on disk, and each answer says what became of "
        "its message. 200: this was a dry run. 202: they are sent later.",
    ),
)  # fmt: skip
