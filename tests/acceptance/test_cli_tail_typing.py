"""`chat_tail --events all` beside a server: what is fleeting comes through the broker alone."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow


def test_who_is_typing_is_told_between_the_messages(shared_site: ChatSite) -> None:
    shared_site.manage("create_room", "typed", "-q")
    (cookie,) = shared_site.sign_in("alice")

    async def run() -> None:
        tail = await asyncio.create_subprocess_exec(
            *shared_site.command("chat_tail", "typed", "--events", "all", "--count", "2", "--json"),
            stdin=DEVNULL, stdout=PIPE, env=shared_site.env,
        )  # fmt: skip
        assert tail.stdout is not None
        line = asyncio.create_task(tail.stdout.readline())
        async with asyncio.timeout(DEADLINE_S), Reader(shared_site, "typed", cookie) as alice:
            while not line.done():  # the tail may not have subscribed yet: nobody keeps what is fleeting
                await alice.send({"type": "typing"})
                await asyncio.wait({line}, timeout=0.2)
            typing = json.loads(line.result())
            assert (typing["type"], typing["room"], typing["author"]["name"]) == ("typing", "typed", "alice")
            for text in ("one", "two"):
                await alice.send({"type": "send", "message": text, "client_id": text})
            rest = await tail.stdout.read()
        messages = [event for event in map(json.loads, rest.splitlines()) if event["type"] == "message"]
        assert [event["message"] for event in messages] == ["one", "two"]
        assert await tail.wait() == 0

    asyncio.run(run())
