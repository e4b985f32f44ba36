"""Readers of a room over real WebSockets that keep what they saw, and the promises that are checked on it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

#: What somebody sees of a message: its text, and whether it was deleted.
Seen = tuple[str, bool]


#: Reasons of gaps after which nothing that was known counts any more.
ANOTHER_HISTORY = {"epoch", "history_changed", "ahead"}
#: Frames of which the order matters: what a view keeps of all that comes.
KEPT = {"open", "gap", "message", "edit", "delete", "room", "sent"}


@dataclass
class View:
    """What a reader has of a room, the cursor with which it comes back, and what it was sent, for `invariants`."""

    messages: dict[int, Seen] = field(default_factory=dict)
    rev: int | None = None
    id: str | None = None
    epoch: str | None = None
    gaps: list[str] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    #: Who it is, and the room as it was called when it came.
    name: str = ""
    room: str = ""
    #: The rev above which it must have everything, once it was let in.
    joined: int | None = None
    #: What came, as it came; frames are shared between views and never changed.
    frames: list[dict[str, Any]] = field(default_factory=list)
    #: Close codes of the connections that ended without its doing.
    closes: list[int] = field(default_factory=list)
    #: Whether it is connected: then it must have everything.
    here: bool = False
    #: What came out of order.
    disorder: list[str] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        """Apply a frame. Told of another history, it begins anew, as the page does."""
        if event["type"] in KEPT:
            self.frames.append(event)
        if event["type"] == "open":
            self.epoch = event["epoch"]
            if self.joined is None:
                self.joined = event["head"] if self.rev is None else self.rev
        elif event["type"] == "gap":
            self.gaps.append(event["reason"])
            if event["reason"] in ANOTHER_HISTORY:
                self.messages.clear()
                self.posted.clear()
                self.rev = self.id = None
        elif event["type"] in ("message", "edit", "delete"):
            self._apply(event)

    def _apply(self, event: dict[str, Any]) -> None:
        if self.rev is not None and event["rev"] <= self.rev:
            self.disorder.append(f"rev {event['rev']} after {self.rev}")
            return
        self.rev, self.id = event["rev"], event.get("change_id", event["id"])
        self.messages[event["seq"]] = event["message"], event["deleted"]
        if event["type"] == "message":
            self.posted.append(event["seq"])

    @property
    def hello(self) -> dict[str, Any]:
        """The first frame of a client that stands here."""
        if self.rev is None:
            return {"type": "hello"}
        return {"type": "hello", "after": self.rev, "id": self.id, "epoch": self.epoch, "limit": 5000}


class Reader:
    """A full client of one room. It stays after its connection is gone, and may connect again with its cursor."""

    def __init__(self, site: ChatSite, room: str, cookie: str) -> None:
        self.site, self.room, self.cookie = site, room, cookie
        self.view = View(room=room)
        self.replies: list[dict[str, Any]] = []
        #: What came of the room itself: who is there (`presence`), what it is (`room`).
        self.news: list[dict[str, Any]] = []
        #: Who is there, by account, as the frames say it; None while they only count.
        self.here: set[str] | None = set()
        #: Who has typed since it was made.
        self.typing: set[str] = set()
        self.closed: int | None = None
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._named: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Connect, say hello with the cursor, and wait for `open`."""
        headers = {"Cookie": self.cookie}
        self._socket = await connect(f"{self.site.ws_url(self.room)}?v=1", additional_headers=headers, max_size=None)
        await self.send(self.view.hello)
        self.closed = None
        self.view.here = True
        self._task = asyncio.create_task(self._read())
        await self.until(lambda: self.view.epoch is not None or bool(self.replies), "open")

    async def disconnect(self) -> None:
        """Cut the connection as a lost network would: no closing handshake."""
        if self._socket is not None and self._task is not None:
            self.view.here = False
            self._socket.transport.abort()
            await self._task

    async def send(self, frame: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(frame))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until what was read so far makes `condition` true."""
        try:
            async with asyncio.timeout(DEADLINE_S), self._news:
                await self._news.wait_for(condition)
        except TimeoutError as error:
            raise TimeoutError(f"waited {DEADLINE_S:g} s in vain: {what}") from error

    async def until_seen(self, count: int) -> None:
        """Wait until `count` messages have been posted to this reader."""
        await self.until(
            lambda: len(self.view.posted) >= count, f"{count} messages (there are {len(self.view.posted)})"
        )

    def _attend(self, event: dict[str, Any]) -> None:
        """Keep up with who is there."""
        if event["type"] != "presence":
            return
        if event["people"] is not None:
            self._named = {person["id"]: person["name"] for person in event["people"]}
        elif event["joined"] or event["left"]:
            self._named.update((person["id"], person["name"]) for person in event["joined"])
            for left in event["left"]:
                del self._named[left]
        else:
            self._named = {}
        counts_only = event["people"] is None and not event["joined"] and not event["left"]
        self.here = None if counts_only else set(self._named.values())

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for frame in self._socket:
                event = json.loads(frame)
                async with self._news:
                    self.view.take(event)
                    assert not self.view.disorder, self.view.disorder
                    if event["type"] in ("sent", "error", "history"):
                        self.replies.append(event)
                    elif event["type"] in ("presence", "room"):
                        self.news.append(event)
                        self._attend(event)
                    elif event["type"] == "typing":
                        self.typing.add(event["username"])
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        async with self._news:
            self.closed = self._socket.close_code or 1006
            self.view.here = False
            self.view.closes.append(self.closed)
            self._news.notify_all()


def in_the_log(site: ChatSite, room: str) -> list[dict[str, Any]]:
    """All messages of the room as the log has them, by way of `chat_tail`."""
    done = site.manage("chat_tail", room, "-n", "all", "--no-follow", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
