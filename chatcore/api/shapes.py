"""What goes in and out of the API beside the events of the wire: one Struct each, which parses, encodes and describes.

Shapes of one part alone stand beside its operations. The message object is `chatcore.events.Message`.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from chatcore.events import Delete, Edit, Message

Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Rev = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
#: RFC 3339, with its offset.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
#: Up to a hundred years.
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_153_600_000)]

#: Python's $ lets a line break pass behind it.
_WAIT = r"^(stored|pushed|seen(:[1-9][0-9]{0,8})?)$(?!\n)"

#: A message's text, which is not empty.
Text = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})]

Kind = Literal["message", "announcement", "notice", "banner"]
Tags = Annotated[list[str], msgspec.Meta(max_length=20)]
Outcome = Literal["sent", "duplicate", "suppressed", "edited", "deleted", "dry-run"]
Format = Literal["text", "markdown", "code"]


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """Something that a client sends: a key that is not known is refused, not passed over."""


class NewMessage(Given, kw_only=True):
    """A message to be posted; `message` is its text."""

    message: Text
    kind: Kind = "message"
    title: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    tags: Tags = []
    format: Format = "text"
    url: str | None = None
    reply_to: Number | None = None
    #: The live message of this token under that name is edited, if there is one.
    slot: str | None = None
    #: The name that people see; the author stays the token.
    username: str | None = None
    #: When it goes away, or after how many seconds.
    expires_at: Moment | None = None
    expires_in: Seconds | None = None
    #: Not again if the same was sent within so many seconds.
    once: Seconds | None = None
    #: When it shall be sent, if that is not now.
    at: Moment | None = None
    #: The account in whose name it is posted: over the server's own socket only.
    as_user: str | None = msgspec.field(name="as", default=None)


class NewMessageIn(NewMessage, kw_only=True):
    """One of several messages to be posted together."""

    room: str
    #: The same key is stored once.
    key: str | None = None


class HookMessage(msgspec.Struct):
    """What a hook is sent, as Slack and Mattermost have it; other keys are ignored."""

    text: str
    #: The name that people see, instead of the hook's.
    username: str | None = None


class NewMessages(Given, kw_only=True):
    """Messages that are posted together: all of them or none."""

    messages: Annotated[list[NewMessageIn], msgspec.Meta(min_length=1, max_length=256)]


class Revision(Given, kw_only=True):
    """A new text for a message; of the rest, what is given."""

    message: Text
    title: str | msgspec.UnsetType | None = msgspec.UNSET
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] | msgspec.UnsetType = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET
    format: Format | msgspec.UnsetType = msgspec.UNSET
    url: str | msgspec.UnsetType | None = msgspec.UNSET


class Writing(Given, kw_only=True):
    """How a message is posted."""

    #: Check everything, store nothing.
    dry_run: bool = False
    #: Answer when it is at the sockets of the running servers (pushed), or read by N people (seen:N; seen is seen:1).
    wait: Annotated[str, msgspec.Meta(pattern=_WAIT)] = "stored"
    #: Wait at most so many seconds.
    timeout: Annotated[float, msgspec.Meta(ge=0, le=60)] = 10.0
    #: Make the room if there is none: over the server's own socket only.
    create: bool = False


class Acting(Given, kw_only=True):
    """Who does it."""

    #: The account in whose name it is done: over the server's own socket only.
    as_user: str | None = msgspec.field(name="as", default=None)


class Changing(Acting, kw_only=True):
    """How a message is changed."""

    #: Check everything, store nothing.
    dry_run: bool = False


class Answer(msgspec.Struct, kw_only=True):
    """What became of a message. `delivered`: the sockets that have it; `seen`: the people who have read it; both null
    unless they were waited for, or when that took too long."""

    status: Outcome
    #: Whether the running servers were told at once (pushed), or find it in the log (deferred).
    live: Literal["pushed", "deferred", "none"]
    delivered: int | None = None
    seen: int | None = None
    message: Message | Edit | Delete


class Answers(msgspec.Struct):
    """What became of each message."""

    answers: list[Answer]


class Appointed(msgspec.Struct, kw_only=True):
    """A message that waits for its time, or that is not sent after all."""

    status: Literal["scheduled", "duplicate", "cancelled"]
    #: By which it can be cancelled.
    id: str
    room: str
    #: When it is sent.
    at: Moment
    #: How it will look; it has no number yet, which is 0.
    message: Message


class AllAppointed(msgspec.Struct):
    """Messages that wait for their time."""

    answers: list[Appointed]


class Error(msgspec.Struct, tag_field="type", tag="error", kw_only=True):
    """Why not: `code` is stable, `detail` is English and says what to do."""

    code: str
    detail: str
    #: Seconds after which it may be tried again, where it was too much for now.
    retry_after: float | msgspec.UnsetType = msgspec.UNSET
    #: Which of several messages is meant, from 0.
    index: int | msgspec.UnsetType = msgspec.UNSET
    #: How many characters a text may have, of one that has too many.
    limit: int | msgspec.UnsetType = msgspec.UNSET
