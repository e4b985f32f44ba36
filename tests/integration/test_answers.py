"""What a poster gets: the answer and the message itself, in one write."""

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from chatcore.actors import Actor
from chatcore.history import RoomView
from tests.integration.sockets import Site
from tests.integration.test_outbox import Pair
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)


def frames(data: bytes) -> list[dict[str, Any]]:
    """The events in unmasked text frames of less than 65,536 bytes."""
    found = []
    while data:
        size, start = (int.from_bytes(data[2:4]), 4) if data[1] == 126 else (data[1], 2)
        found.append(json.loads(data[start : start + size]))
        data = data[start + size :]
    return found


async def heard(pair: Pair, word: bytes) -> bytes:
    """What comes at the other end, up to the first piece with this word."""
    async with asyncio.timeout(DEADLINE_S):
        while word not in (data := pair.all()):  # noqa: ASYNC110  a bare socket has no event
            await asyncio.sleep(0)
        return data


def test_an_answer_goes_out_in_one_write_with_its_message(newbox: RoomView, people: dict[str, Actor]) -> None:
    alice = User.objects.get(username="alice")

    async def check() -> None:
        pair = Pair().opened()
        extensions = {"roomline.frames": pair.outbox}
        # It is the ring that goes along: a look at the log may see the post first, and then reads it from there
        async with Site(poll=3600) as site, site.socket("newbox", alice, extensions=extensions) as client:
            client.say(type="hello")
            await heard(pair, b'"open"')
            client.say(type="ping")
            await heard(pair, b'"pong"')
            assert pair.outbox.take is not None
            for number in range(1, 4):
                before = pair.socket.sends
                assert pair.outbox.take(json.dumps({"type": "send", "message": "hi", "client_id": f"{number}"}))
                data = await heard(pair, b'"sent"')
                assert [event["type"] for event in frames(data)] == ["sent", "message"]
                assert pair.socket.sends == before + 1

    asyncio.run(check())
