"""Reading rooms' logs: messages by number and by time, one message, events by rev."""

from datetime import datetime
from typing import Annotated

import msgspec

from chatcore import history, metrics
from chatcore.actors import Actor
from chatcore.api.answers import Reply, encode
from chatcore.api.moments import Moment, moment
from chatcore.api.operations import Operation
from chatcore.api.requests import Call
from chatcore.api.shapes import Given, Number, Rev
from chatcore.events import Event, Gap, History, Message
from chatcore.history.browsing import EventsPage, events_page, messages_within

_Limit = Annotated[int, msgspec.Meta(ge=1, le=500)]


class MessagesQuery(Given):
    """Which messages: the oldest within these bounds if `after` or `since` is given, else the newest."""

    #: Messages with higher numbers.
    after: Rev | None = None
    #: Messages with lower numbers.
    before: Number | None = None
    #: From the first message on that was sent then or later.
    since: Moment | None = None
    #: Up to the first message that was sent then or later, without it.
    until: Moment | None = None
    #: At most so many.
    limit: _Limit = 50


class EventsQuery(Given):
    """Where in the log to begin, and how the reader knows it."""

    #: The rev of the last event that is known; without it from the oldest one on.
    after: Rev | None = None
    #: The id of that event: another one there is a gap.
    id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    #: The epoch of the room in which that was: another one is a gap.
    epoch: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    #: At most so many.
    limit: _Limit = 50


class Events(msgspec.Struct, kw_only=True):
    """Events of a room's log in a row: the first has the rev after `after`, or after `gap.upto` if there is a gap.
    `head` and `floor` are where the log ends and begins."""

    room: str
    epoch: str
    head: int
    floor: int
    gap: Gap | None
    events: list[Event]


class _Encoded(msgspec.Struct, kw_only=True):
    """`Events` with events that are JSON already."""

    room: str
    epoch: str
    head: int
    floor: int
    gap: Gap | None
    events: list[msgspec.Raw]


async def messages(call: Call) -> Reply:
    """A page of messages by number."""
    query: MessagesQuery = call.query
    since = None if query.since is None else moment("since", query.since)
    until = None if query.until is None else moment("until", query.until)
    metrics.history_reads.add()
    return Reply(await call.process.hub.lookout.read(_messages, call.room, call.actor, query, since, until))


def _messages(name: str, actor: Actor, query: MessagesQuery, since: datetime | None, until: datetime | None) -> History:
    room = history.room_named(name, actor)
    return messages_within(
        room.id, room.name, query.limit, after=query.after, before=query.before, since=since, until=until
    )


async def message(call: Call) -> Reply:
    """One message as it is now."""
    metrics.history_reads.add()
    return Reply(await call.process.hub.lookout.read(_message, call.room, call.actor, call.seq))


def _message(name: str, actor: Actor, seq: int) -> Message:
    room = history.room_named(name, actor)
    return history.message(room.id, room.name, seq)


async def events(call: Call) -> Reply:
    """A page of the log by rev."""
    metrics.history_reads.add()
    return Reply(await call.process.hub.lookout.read(_events, call.room, call.actor, call.query))


def _events(name: str, actor: Actor, query: EventsQuery) -> bytes:
    room = history.room_named(name, actor)
    page: EventsPage = events_page(
        room.id, room.name, query.limit, after=query.after, event_id=query.id, epoch=query.epoch
    )
    raw = [msgspec.Raw(payload) for payload in page.payloads]
    head, floor, epoch = page.state
    return encode(_Encoded(room=room.name, epoch=epoch, head=head, floor=floor, gap=page.gap, events=raw))


OPERATIONS = (
    Operation(
        "GET", "rooms/{room}/messages", "list_messages", "Read messages by number and by time", messages,
        answers={200: History}, query=MessagesQuery,
        description="Messages in the order of their numbers: the newest of those that are asked for or, where `after` "
        "or `since` is given, the oldest. To read on, ask with the last number as `after`; to read back, with the "
        "first one as `before`; `more` says whether there is more to come in that direction.",
    ),
    Operation(
        "GET", "rooms/{room}/messages/{seq}", "show_message", "Read one message", message, answers={200: Message},
        description="The message as it is now. A deleted one is still there, without its text.",
    ),
    Operation(
        "GET", "rooms/{room}/events", "list_events", "Read the log by rev", events,
        answers={200: Events}, query=EventsQuery,
        description="Everything that happened in the room, in order and without a hole: messages, edits and deletions. "
        "Keep the rev of the last event, its id (of an edit or a deletion its `change_id`) and the `epoch`, and give "
        "them as `after`, `id` and `epoch` to go on from there. Where the log does not go on as the reader knows it, "
        "`gap` says why, and the events begin above its `upto`. The end is reached when `head` is.",
    ),
)  # fmt: skip
