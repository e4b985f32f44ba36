"""Several processes on one database within a test, and clients of theirs that check what they get, frame by frame.

What these processes ring does not reach the others by itself: it stays in `air`, where a test loses, repeats and
reorders it.
"""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from channels.routing import URLRouter
from django.contrib.auth.models import User

from chatcore.bell import Batch
from chatcore.routing import websocket_urlpatterns
from chatcore.writer import Writer
from tests.integration.sockets import Client, Frame, Site

#: A message as somebody sees it: its text, and whether it was deleted.
Seen = tuple[str, bool]

#: Events that a client takes; who lacks more begins anew.
LIMIT = 500


class Process(Site):
    """One process. Once it has `died`, what it commits is announced to nobody and nobody gets an answer."""

    def __init__(self, air: list[Batch]) -> None:
        super().__init__()
        self._air = air
        self.died = False
        self.writer = Writer(self._announce)
        self.application = URLRouter(websocket_urlpatterns(self.hub, self.writer))

    def _announce(self, batches: Any) -> None:
        if not self.died:
            self._air.extend(batches)
            self.hub.announce(batches)


class Cursor:
    """What a client knows after it is gone: its view, and where it stands. Numbers only ever go up by one."""

    def __init__(self) -> None:
        self.view: dict[int, Seen] = {}
        self.after: int | None = None
        self.id: str | None = None
        self.epoch: str | None = None
        #: The rev up to which the newest messages come first to who begins anew; 0 for who goes on.
        self.newest_upto = 0
        #: Of all gaps so far.
        self.reasons: list[str] = []
        self._newest = 0
        #: It is in another history, and was not told so yet.
        self._torn = False

    @property
    def hello(self) -> dict[str, Any]:
        """The first frame of a client that stands here."""
        if self.after is None:
            return {}
        known = {"id": self.id} if self.id else {}
        return {"after": self.after, "epoch": self.epoch, "limit": LIMIT, **known}

    def take(self, frame: Frame) -> None:
        """Bring the view up to date."""
        match frame["type"]:
            case "open":
                self._torn = self.after is not None and frame["epoch"] != self.epoch
                self.epoch, self._head = frame["epoch"], frame["head"]
                if self.after is None:
                    self._begin_anew()
            case "gap":
                self.reasons.append(frame["reason"])
                if frame["reason"] == "pruned":
                    assert frame["after"] == self.after
                    assert frame["upto"] > frame["after"]
                    self.after, self.id = frame["upto"], None
                else:
                    self.epoch = frame["epoch"]
                    self._begin_anew()
            case "message" | "edit" | "delete":
                self._see(frame)

    def _see(self, frame: Frame) -> None:
        assert self.after is not None
        assert not self._torn, f"{frame} without a gap"
        if frame["rev"] <= self.newest_upto and frame["type"] == "message" and frame["rev"] > self._newest:
            self._newest = frame["rev"]
        else:
            assert frame["rev"] == self.after + 1, f"{frame} after rev {self.after}"
            self.after, self.id = frame["rev"], frame.get("change_id", frame["id"])
        self.view[frame["seq"]] = frame["message"], frame["deleted"]

    def _begin_anew(self) -> None:
        self.view, self.after, self.id = {}, self._head, None
        self.newest_upto, self._newest, self._torn = self._head, 0, False


class Peer:
    """A client of one of the processes; it may be cut off and come back to another one with its cursor."""

    def __init__(self, user: User) -> None:
        self.user, self.cursor = user, Cursor()
        self.process: Process | None = None
        self.answers: list[Frame] = []
        self._client: Client | None = None
        self._stay: AbstractAsyncContextManager[Client] | None = None

    async def come(self, process: Process, room: str) -> None:
        """Connect to that process and say hello."""
        self._stay = process.hello(room, self.user, **self.cursor.hello)
        self.process, self._client = process, await self._stay.__aenter__()

    async def go(self) -> None:
        """Be cut off. What was on its way is lost."""
        if self._stay is not None:
            await self._stay.__aexit__(None, None, None)
        self.process = self._client = self._stay = None

    def say(self, **frame: Any) -> None:
        assert self._client is not None
        self._client.say(**frame)

    async def read(self) -> bool:
        """Take one frame; False if the server has closed."""
        assert self._client is not None
        event = await self._client.event()
        if event["type"] == "websocket.close":
            assert event["code"] == 4008, event
            return False
        frame = json.loads(event["text"])
        self.cursor.take(frame)
        if frame["type"] in ("sent", "error"):
            self.answers.append(frame)
        return True

    async def answered(self, count: int) -> list[Frame]:
        """The answers to so many sends; fewer if the server closes before it has answered."""
        while len(self.answers) < count and await self.read():
            pass
        answers, self.answers = self.answers, []
        return answers
