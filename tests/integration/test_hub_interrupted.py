"""Readers that are cut off again and again, at random, while people post, edit and delete:
each ends with the view of a reader who was there all the time."""

import asyncio
import json
import random

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView
from chatcore.services import Post
from tests.integration.sockets import Client, Frame, Site, elsewhere
from tests.waiting import DEADLINE_S, SOAK

pytestmark = pytest.mark.django_db(transaction=True)

READERS = 200
CHANGES = 50 * SOAK
LAST_WORDS = "that was all"

View = dict[int, tuple[str, bool]]


class Reader:
    """What somebody's page knows: each message as it is now, and where the page stands in the log."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.view: View = {}
        self.after = 0
        self.event: str | None = None
        self.cuts = 0
        self.complete = False

    def see(self, frame: Frame) -> None:
        """Bring the view up to date. Numbers only ever go up by one."""
        if frame["type"] not in ("message", "edit", "delete"):
            assert frame["type"] == "open", frame
            return
        assert frame["rev"] == self.after + 1
        self.after, self.event = frame["rev"], frame.get("change_id", frame["id"])
        self.view[frame["seq"]] = (frame["message"], frame["deleted"])
        self.complete = frame["message"] == LAST_WORDS

    async def read(self, site: Site, user: User, *, cut_off: bool) -> None:
        """Connect, read, be cut off, come back, until everything was seen."""
        while not self.complete:
            position = {"after": self.after, "id": self.event} if self.event else {"after": 0}
            async with site.hello("newbox", user, limit=5000, **position) as client:
                patience = self._chance.randint(0, 40) if cut_off and self.cuts < 8 else 1_000_000
                await self._read_on(client, patience)
            self.cuts += not self.complete

    async def _read_on(self, client: Client, patience: int) -> None:
        """Read so many frames; what comes after that is lost, as in a connection that breaks."""
        while patience and not self.complete:
            event = await client.event()
            assert event["type"] == "websocket.send", event
            self.see(json.loads(event["text"]))
            patience -= 1


async def go_on(site: Site, user: User, chance: random.Random) -> None:
    """Posts of commands and of a page, edits and deletions, one after the other, without a pause."""
    written = deleted = 0
    gone: set[int] = set()
    async with site.socket("newbox", user, full=False) as page:
        for number in range(CHANGES):
            kind = chance.random()
            alive = [seq for seq in range(1, written + 1) if seq not in gone]
            if kind < 0.2 and alive:
                await elsewhere(services.edit_message, "newbox", chance.choice(alive), f"edit {number}", SYSTEM)
            elif kind < 0.3 and alive:
                gone.add(seq := chance.choice(alive))
                await elsewhere(services.delete_message, "newbox", seq, SYSTEM)
                deleted += 1
            elif kind < 0.6:
                texts = [Post("newbox", f"{number}.{part}") for part in range(chance.randint(1, 5))]
                await elsewhere(services.post_messages, texts)
                written += len(texts)
            else:
                page.say(message=f"page {number}")
                while json.loads((await page.event())["text"])["message"] != f"page {number}":
                    pass
                written += 1
                gone.add(written)  # somebody's own: the system does not edit it
        assert deleted
    await elsewhere(services.post_messages, [Post("newbox", LAST_WORDS)])


@override_settings(CHAT_RATE="off")
def test_interrupted_readers_end_with_the_view_of_a_live_one(newbox: RoomView) -> None:
    user = User.objects.create_user("alice")
    chance = random.Random(20261122)
    live = Reader(chance)
    others = [Reader(random.Random(seed)) for seed in range(READERS)]

    async def run() -> None:
        async with Site() as site, asyncio.timeout(3 * DEADLINE_S * SOAK):
            reading = [live.read(site, user, cut_off=False), *(one.read(site, user, cut_off=True) for one in others)]
            await asyncio.gather(go_on(site, user, chance), *reading)

    asyncio.run(run())
    assert len(live.view) > CHANGES / 2
    assert live.cuts == 0
    assert sum(other.cuts for other in others) > 2 * READERS
    for other in others:
        assert other.view == live.view
    assert {deleted for _, deleted in live.view.values()} == {True, False}
