"""A room as a stream, over HTTP: it enters the room's hub as a socket does, catches up however far it is behind, and
stays until its client leaves, reads too slowly, may not be there any more, or the server stops."""

import asyncio
import logging
from typing import Annotated

import msgspec

from chatcore import events, history
from chatcore.api.answers import Headers, Reply
from chatcore.api.operations import Operation
from chatcore.api.requests import Call, Gone
from chatcore.api.shapes import Given, Rev
from chatcore.api.stream_bodies import Body, body_for
from chatcore.api.stream_forms import EVENTS, LINES, Choice, Media, StreamForm, stream_form
from chatcore.events import RoomState, refusal
from chatcore.exceptions import BadRequest, ChatError
from chatcore.frames import Hello
from chatcore.history import Entrance
from chatcore.hub import RoomHub, Visitor
from chatcore.hub.room import FIRST_MESSAGES
from chatcore.outlets import Encoded

logger = logging.getLogger(__name__)

#: Seconds between two signs of life.
HEARTBEAT_S = 15.0
_ANY = 2**63 - 1
#: nginx would keep it back until it has some kilobytes.
_HEADERS: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class StreamQuery(Given):
    """Where the stream begins, and what is in it."""

    #: The rev of the last event that the reader has; without it the stream begins now. Last-Event-ID goes before it.
    after: Rev | None = None
    #: The id of that event, of a change its `change_id`: by it a reader is told that the log is not the one it knows.
    id: str | None = None
    #: The room's epoch when the reader had that event: for the same.
    epoch: str | None = None
    #: Messages alone; with edits and deletions; or also who comes and goes, who types, what becomes of the room.
    events: Choice = "changes"
    #: Without `after`: the newest messages, so many, first.
    last: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0


async def stream(call: Call) -> Reply | None:
    """`GET rooms/{room}/stream`."""
    media, hello = _media(call), _hello(call)
    if call.head:
        await _entrance(call)
        return Reply(b"", media=media.encode())
    allowance = call.process.limits.enter(call.actor, call.host)
    try:
        await _Stream(call, media, hello, await _entrance(call)).run()
    finally:
        allowance.leave()
    return None


async def _entrance(call: Call) -> Entrance:
    return await call.process.hub.lookout.read(history.entrance, call.room, call.actor)


def _media(call: Call) -> Media:
    """JSON lines for who accepts them and no server-sent events."""
    accepted = {part.partition(";")[0].strip().lower() for part in (call.header(b"accept") or "").split(",")}
    lines = LINES in accepted and EVENTS not in accepted
    return LINES if lines else EVENTS


def _hello(call: Call) -> Hello:
    """Where the client stands. Of two numbers its last one counts, to which the other one's id does not belong."""
    query: StreamQuery = call.query
    last = call.header(b"last-event-id")
    if not last:
        if query.id is not None and query.after is None:
            raise BadRequest("`id` is the id of the event at `after`: give both")
        return Hello(after=query.after, id=query.id, epoch=query.epoch, limit=_ANY)
    if not (last.isascii() and last.isdecimal() and len(last) < 19):
        raise BadRequest(f"Last-Event-ID {last[:40]!a} is no rev: send the `id:` of the last event")
    event_id = query.id if query.after == int(last) else None
    return Hello(after=int(last), id=event_id, epoch=query.epoch, limit=_ANY)


class _Stream:
    """One of them, from its headers to its end. It is what the room's hub writes to (`chatcore.outlets.Outlet`)."""

    write = None
    is_stream = True

    def __init__(self, call: Call, media: Media, hello: Hello, entrance: Entrance) -> None:
        self._call, self._media, self._hello = call, media, hello
        self._view = entrance.access.room
        self._visitor = Visitor(entrance.access, call.actor, entrance.read_seq, self._tell)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._form: StreamForm
        self._body: Body
        self._room: RoomHub

    async def run(self) -> None:
        """Until it ends, for whatever reason."""
        call = self._call
        call.process.streams.add(self.end)
        try:
            await self._begin()
            if call.process.stopping.is_set():
                self.end()
            self._room = call.process.hub.room(self._view)
            self._room.visit(self, call.actor, self._visitor.renew)
            admission = asyncio.create_task(self._admit())
            try:
                await self._last()
            except asyncio.CancelledError:  # how some servers say that they stop: the answer still ends in order
                self.end()
            finally:
                admission.cancel()
                self._room.leave(self)
            await self._body.end()
            await call.send({"type": "http.response.body", "body": b""})
        finally:
            call.process.streams.discard(self.end)

    async def _begin(self) -> None:
        call = self._call
        call.begun = True
        headers = [(b"content-type", self._media.encode()), *_HEADERS, *call.headers]
        await call.send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            self._body = body_for(call.scope, call.send, self._too_slow)
        except ConnectionError as error:
            raise Gone from error
        self._form = stream_form(self._media, call.query.events, chunked=self._body.chunked)

    async def _admit(self) -> None:
        room, first = self._room, self._call.query.last if self._hello.after is None else FIRST_MESSAGES
        try:
            await room.admit(self, self._hello, self._visitor.opening, first)
            self._body.write_catchup(self._form.position(room.last))  # in the very step in which it has gone live
        except ChatError as error:
            self._refuse(error.code, error.detail)
        except Exception:
            logger.exception("a stream could not enter room %s", room.id)
            self.end()

    async def _last(self) -> None:
        """Wait for the end, and give signs of life until then."""
        gone = asyncio.create_task(self._gone())
        try:
            while not (await asyncio.wait([gone, self._ended], timeout=HEARTBEAT_S, return_when="FIRST_COMPLETED"))[0]:
                self._body.write(self._form.heartbeat)
            if self._call.process.stopping.is_set():
                await self._call.process.writer.settled()  # what was posted so far is in it
        finally:
            gone.cancel()

    async def _gone(self) -> None:
        while (await self._call.receive())["type"] != "http.disconnect":
            pass

    def end(self) -> None:
        """Let it end after what was written."""
        if not self._ended.done():
            self._ended.set_result(None)

    def _too_slow(self) -> None:
        self._body.write_last(self._form([_error(self._room.name, "too_slow", "this stream is read too slowly")]))
        self.end()

    def _refuse(self, code: str, detail: str) -> None:
        self._body.write_catchup(self._form([_error(self._room.name, code, detail)]))
        self.end()

    def _tell(self, state: RoomState) -> None:
        self.live(Encoded([events.encode(state)], b""))

    # As an outlet

    def live(self, encoded: Encoded) -> None:
        if data := encoded.in_form(self._form):
            self._body.write(data)

    def backlog(self, encoded: Encoded) -> None:
        self._body.write_catchup(encoded.in_form(self._form))

    async def drained(self) -> None:
        await self._body.drained()

    async def close(self, code: int) -> None:
        self.end()


def _error(room: str, code: str, detail: str) -> bytes:
    return events.encode(refusal(room, code, detail))


OPERATIONS = (
    Operation(
        "GET", "rooms/{room}/stream", "follow_room", "Follow a room live", stream,
        answers={200: None}, query=StreamQuery, media=(EVENTS, LINES),
        description="Server-sent events, or one JSON object a line for who sends `Accept: application/x-ndjson`. "
        "`id:` is the rev of the event and `event:` its type; who comes back with `Last-Event-ID`, or `after`, misses "
        "nothing and gets nothing twice. Where the log does not go on as the reader knows it, a `gap` says why, and "
        "the stream goes on above its `upto`. Every 15 seconds there is an empty line, or a comment. A stream ends "
        "when the server stops, when its reader is too slow, and when the token may not read there any more: the last "
        "two say so in an `error`.",
    ),
)  # fmt: skip
