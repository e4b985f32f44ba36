"""A room as a stream in one process: where it begins, what is in it, what ends it, on any ASGI server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.test import override_settings

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.api import streaming
from chatcore.history import RoomView
from chatcore.models import Change, Room
from chatcore.routing import ChatApplication
from chatcore.services.removing import delete_room
from chatcore.services.renaming import rename_room
from chatcore.services.tokens import revoke_token
from tests.integration.api import LOCAL, asked, made_token, served
from tests.integration.sockets import elsewhere
from tests.integration.writing import say
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)

Event = dict[str, Any]


class Reader:
    """The client of one stream."""

    def __init__(self, path: str, query: str, headers: dict[str, str], method: str, extensions: Event) -> None:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs,
            "client": ("192.0.2.7", 5000), "extensions": extensions,
        }  # fmt: skip
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.gone, self.reading = asyncio.Event(), asyncio.Event()
        self.reading.set()
        self._asked, self._text = False, b""

    async def receive(self) -> Event:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        await self.reading.wait()
        self.events.put_nowait(event)

    async def start(self) -> tuple[int, dict[bytes, bytes]]:
        event = await self.event()
        assert event["type"] == "http.response.start"
        return event["status"], dict(event["headers"])

    async def event(self) -> Event:
        return await asyncio.wait_for(self.events.get(), DEADLINE_S)

    async def piece(self) -> bytes:
        """The next that comes up to an empty line, or a line; b"" at the end."""
        end = b"\n\n" if self._lines_apart else b"\n"
        while end not in self._text:
            event = await self.event()
            self._text += event["body"]
            if not event.get("more_body"):
                return b""
        piece, _, self._text = self._text.partition(end)
        return piece

    async def live(self) -> None:
        """Read until it has been let in, which its position says."""
        while not (await self.piece()).removeprefix(b"id: ").isdigit():
            pass

    @property
    def _lines_apart(self) -> bool:
        return (b"accept", b"application/x-ndjson") not in self.scope["headers"]

    async def next(self) -> Event:
        """The next event, whatever its position."""
        while True:
            piece = await self.piece()
            data = [line for line in piece.split(b"\n") if line.startswith((b"data: ", b"{"))]
            if data:
                found: Event = json.loads(data[0].removeprefix(b"data: "))
                return found
            assert piece.startswith((b"id: ", b":")) or not self._lines_apart, "the stream has ended"

    async def first(self, kind: str) -> Event:
        """The next event of this type."""
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def texts(self, count: int) -> list[str]:
        return [(await self.next())["message"] for _ in range(count)]

    async def rest(self) -> list[Event]:
        """All up to the end."""
        found = []
        while piece := await self.piece():
            found += [json.loads(line[6:]) for line in piece.split(b"\n") if line.startswith(b"data: ")]
        return found


@asynccontextmanager
async def following(
    app: ChatApplication, query: str = "", *, room: str = "newbox", token: str | None = None, method: str = "GET",
    extensions: Event | None = None, **headers: str,
) -> AsyncIterator[Reader]:  # fmt: skip
    """A stream of that room, by the server's own socket if there is no token; its head is read, and it was let in."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    own = (LOCAL if token is None else {}) | (extensions or {})
    reader = Reader(f"/api/rooms/{room}/stream", query, given, method, own)
    task = asyncio.create_task(app(reader.scope, reader.receive, reader.send))
    try:
        assert (await reader.start())[0] == 200
        yield reader
    finally:
        reader.gone.set()
        reader.reading.set()
        await asyncio.wait_for(task, DEADLINE_S)


def in_an_app(check: Callable[[ChatApplication], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served() as app:
            await check(app)

    asyncio.run(run())


def test_it_begins_now_and_goes_on_live(newbox: RoomView) -> None:
    say("newbox", "before")

    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            assert await reader.piece() == b"id: 1", "who is cut off before the first event comes back there"
            await elsewhere(say, "newbox", "one", "two")
            assert await reader.texts(2) == ["one", "two"]

    in_an_app(check)


def test_it_goes_on_after_a_rev_or_the_last_event_s_id(newbox: RoomView) -> None:
    say("newbox", "a", "b", "c")

    async def check(app: ChatApplication) -> None:
        async with following(app, "after=1") as reader:
            assert await reader.texts(2) == ["b", "c"]
        async with following(app, "after=1", last_event_id="2") as reader:
            assert await reader.texts(1) == ["c"]
            assert await reader.piece() == b"id: 3"

    in_an_app(check)


def test_a_browser_that_comes_back_is_not_held_to_the_id_of_where_it_first_began(newbox: RoomView) -> None:
    first, second, _ = say("newbox", "a", "b", "c")

    async def check(app: ChatApplication) -> None:
        query = f"after={first.rev}&id={first.id}"
        async with following(app, query, last_event_id=str(second.rev)) as reader:
            assert await reader.texts(1) == ["c"]

    in_an_app(check)


def test_the_newest_come_first_for_who_asks(newbox: RoomView) -> None:
    say("newbox", "a", "b", "c")

    async def check(app: ChatApplication) -> None:
        async with following(app, "last=2") as reader:
            assert await reader.texts(2) == ["b", "c"]
            await elsewhere(say, "newbox", "d")
            assert await reader.texts(1) == ["d"]

    in_an_app(check)


def test_it_catches_up_however_far_it_is_behind(newbox: RoomView) -> None:
    texts = [str(number) for number in range(1700)]
    say("newbox", *texts)

    async def check(app: ChatApplication) -> None:
        async with following(app, "after=0", accept="application/x-ndjson") as reader:
            assert await reader.texts(1700) == texts

    in_an_app(check)


def test_lines_of_json_are_for_who_accepts_them(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app, "events=all", accept="application/x-ndjson") as reader:
            opened = json.loads(await reader.piece())
            assert (opened["type"], opened["head"], opened["you"]["type"]) == ("open", 0, "system")
            assert json.loads(await reader.piece())["type"] == "presence"
            await elsewhere(say, "newbox", "one")
            assert json.loads(await reader.piece())["message"] == "one"

    in_an_app(check)


@pytest.mark.parametrize(("choice", "expected"), [("messages", ["two"]), ("changes", ["uno", "two"])])
def test_changes_are_left_out_for_who_wants_messages_alone(newbox: RoomView, choice: str, expected: list[str]) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app, f"events={choice}") as reader:
            await reader.live()
            (first,) = await elsewhere(say, "newbox", "one")
            assert await reader.texts(1) == ["one"]
            await elsewhere(services.edit_message, "newbox", first.seq, "uno", SYSTEM)
            await elsewhere(say, "newbox", "two")
            assert await reader.texts(len(expected)) == expected

    in_an_app(check)


@pytest.mark.parametrize(
    ("query", "reason"),
    [("after=3&epoch=other", "epoch"), ("after=9", "ahead"), ("after=2&id=other", "history_changed")],
)
def test_a_log_that_does_not_go_on_is_a_gap_and_the_newest(newbox: RoomView, query: str, reason: str) -> None:
    say("newbox", "a", "b", "c")

    async def check(app: ChatApplication) -> None:
        async with following(app, query) as reader:
            gap = await reader.next()
            assert (gap["type"], gap["reason"], gap["upto"]) == ("gap", reason, 3)
            assert await reader.texts(3) == ["a", "b", "c"]
            assert await reader.piece() == b"id: 3"

    in_an_app(check)


def test_a_hole_that_pruning_made_is_a_gap(newbox: RoomView) -> None:
    say("newbox", "a", "b", "c")
    Change.objects.filter(room_id=newbox.id).delete()
    Room.objects.filter(pk=newbox.id).update(floor=2)

    async def check(app: ChatApplication) -> None:
        async with following(app, "after=1") as reader:
            gap = await reader.next()
            assert (gap["reason"], gap["after"], gap["upto"]) == ("pruned", 1, 2)
            assert await reader.texts(1) == ["c"]

    in_an_app(check)


def test_a_stream_gives_signs_of_life(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.02)

    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            assert await reader.piece() == b"id: 0"
            assert [await reader.piece() for _ in range(3)] == [b":"] * 3

    in_an_app(check)


def test_who_leaves_leaves_nothing_behind(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            await reader.piece()
            assert app._hub.sockets()["stream"] == 1
        assert app._hub.rooms() == {}
        assert app._api._process.streams == set()
        assert app._api._process.limits.sockets == {}

    in_an_app(check)


def test_a_server_that_stops_ends_it_after_what_was_posted(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            await reader.live()
            await elsewhere(say, "newbox", "last words")
            assert await reader.texts(1) == ["last words"]
            await app.settle()
            assert await reader.rest() == []

    in_an_app(check)


def test_a_room_that_is_deleted_ends_it(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            await reader.live()
            await elsewhere(delete_room, "newbox", lambda *_: None)
            assert await reader.rest() == []

    in_an_app(check)


@pytest.mark.slow
def test_a_room_that_is_renamed_or_archived_is_followed_on(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app, "events=all") as reader:
            await reader.live()
            await elsewhere(rename_room, "newbox", "oldbox", SYSTEM)
            assert (await reader.first("room"))["room"] == "oldbox"
            await elsewhere(say, "oldbox", "hello")
            assert (await reader.first("message"))["room"] == "oldbox"
            await elsewhere(services.archive_room, "oldbox", SYSTEM)
            told = await reader.first("room")
            assert (told["archived"], told["can_post"]) == (True, False)

    in_an_app(check)


@pytest.mark.slow
def test_a_token_that_is_revoked_ends_it_and_says_why(newbox: RoomView) -> None:
    token = made_token("newbox", can=["read"])

    async def check(app: ChatApplication) -> None:
        async with following(app, token=token) as reader:
            await reader.live()
            await elsewhere(revoke_token, "ci")
            (error,) = await reader.rest()
            assert (error["type"], error["code"]) == ("error", "not_signed_in")
            assert "revoked" in error["detail"]

    in_an_app(check)


def test_a_token_has_so_many_streams_as_a_person_has_sockets(newbox: RoomView) -> None:
    token = made_token("newbox", can=["read"])

    async def check(app: ChatApplication) -> None:
        async with following(app, token=token), following(app, token=token) as second:
            third = Reader("/api/rooms/newbox/stream", "", {"authorization": f"Bearer {token}"}, "GET", {})
            await app(third.scope, third.receive, third.send)
            status, headers = await third.start()
            assert (status, headers[b"retry-after"]) == (429, b"10")
            assert json.loads((await third.event())["body"])["code"] == "too_many_sockets"
            await second.piece()

    with override_settings(CHAT_SOCKETS_PER_PERSON=2):
        in_an_app(check)


def test_a_reader_that_is_too_slow_is_given_up_and_told(newbox: RoomView) -> None:
    async def check(app: ChatApplication) -> None:
        async with following(app) as reader:
            await reader.live()
            reader.reading.clear()
            while app._hub.sockets()["stream"]:
                await elsewhere(say, "newbox", "x" * 1000)
            reader.reading.set()
            *_, error = await reader.rest()
            assert error["code"] == "too_slow"

    with override_settings(CHAT_OUTBOX_BYTES=5000):
        in_an_app(check)


def test_head_is_the_head_of_what_get_would_be(newbox: RoomView) -> None:
    (told,) = asked(("HEAD", "rooms/newbox/stream", None, {"headers": {"accept": "application/x-ndjson"}}), local=True)
    assert (told.status, told.headers["content-type"], told.body) == (200, "application/x-ndjson", b"")


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("rooms/nowhere/stream", {}, 404),
        ("rooms/newbox/stream", {"query": "after=-1"}, 400),
        ("rooms/newbox/stream", {"query": "after=x"}, 400),
        ("rooms/newbox/stream", {"query": "after=99999999999999999999"}, 400),
        ("rooms/newbox/stream", {"query": "last=501"}, 400),
        ("rooms/newbox/stream", {"query": "events=some"}, 400),
        ("rooms/newbox/stream", {"query": "id=abc"}, 400),
        ("rooms/newbox/stream", {"query": "ever=1"}, 400),
        ("rooms/newbox/stream", {"headers": {"last-event-id": "abc"}}, 400),
        ("rooms/newbox/stream", {"headers": {"last-event-id": "-1"}}, 400),
        ("rooms/newbox/stream", {"headers": {"last-event-id": "9" * 30}}, 400),
    ],
)
def test_what_cannot_be_followed_is_refused_before_it_begins(
    newbox: RoomView, path: str, options: dict[str, Any], status: int
) -> None:
    (told,) = asked(("GET", path, None, options), local=True)
    assert told.status == status
    assert told.json["detail"]


def test_who_may_not_read_there_is_refused(newbox: RoomView) -> None:
    token = made_token("newbox", can=["send"])
    (told,) = asked(("GET", "rooms/newbox/stream", None), token=token)
    assert told.status == 403
    (told,) = asked(("GET", "rooms/newbox/stream", None))
    assert told.status == 401
