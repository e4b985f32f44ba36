"""The chat on another ASGI server: uvicorn, with the implementation that it has of the `websockets` package. There are
no ready frames there, and nobody starts a broker: the same promises, by a queue a socket and the log's own bell."""

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.clients import Reader, in_the_log
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import TEXT, Wire
from tests.waiting import DEADLINE_S

pytest.importorskip("uvicorn", reason="needs uvicorn, which is for tests only")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """The longest message is what a frame may have: slow readers are told from quick ones by megabytes."""
    with ChatSite(
        server="uvicorn", env={"CHAT_OUTBOX_BYTES": "100000", "CHAT_MAX_LENGTH": "50000", "CHAT_RATE": "off"}
    ) as site:
        yield site
        assert site.stop() == 0
        assert "Application shutdown complete." in site.stderr
        assert "Traceback" not in site.stderr, site.stderr


@pytest.fixture(scope="module")
def cookies(site: ChatSite) -> list[str]:
    return site.sign_in("alice", "bob")


def new_room(site: ChatSite, name: str) -> str:
    assert site.manage("create_room", name).returncode == 0
    return name


@asynccontextmanager
async def socket(site: ChatSite, room: str, cookie: str, query: str = "?v=1") -> AsyncIterator[ClientConnection]:
    async with connect(site.ws_url(room) + query, additional_headers={"Cookie": cookie}) as client:
        yield client


async def said(client: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next frame of one of these types."""
    async with asyncio.timeout(DEADLINE_S):
        while (frame := json.loads(await client.recv()))["type"] not in kinds:
            pass
    return dict(frame)


def test_the_pages_are_served_too(site: ChatSite) -> None:
    with urllib.request.urlopen(site.url + "accounts/login/") as page:
        style = re.search(r'href="/(static/[^"]+\.css)"', page.read().decode())
    assert style is not None
    with urllib.request.urlopen(site.url + style[1]) as sheet:
        assert sheet.headers["Content-Type"].startswith("text/css")


def test_two_people_chat(site: ChatSite, cookies: list[str]) -> None:
    room = new_room(site, "chat")

    async def scenario() -> None:
        async with socket(site, room, cookies[0]) as alice, socket(site, room, cookies[1]) as bob:
            for client in (alice, bob):
                await client.send(json.dumps({"type": "hello"}))
                await said(client, "open")
            await alice.send(json.dumps({"type": "send", "client_id": "1", "message": "hello Bob"}))
            assert (await said(alice, "sent"))["seq"] == 1
            message = await said(bob, "message")
            assert (message["username"], message["message"]) == ("alice", "hello Bob")
            await alice.send(json.dumps({"type": "edit", "seq": 1, "message": "hello, Bob"}))
            assert (await said(bob, "edit"))["message"] == "hello, Bob"
            await bob.send(json.dumps({"type": "typing"}))
            assert (await said(alice, "typing"))["username"] == "bob"
            await bob.send(json.dumps({"type": "history", "limit": 10}))
            page = await said(bob, "history")
            assert [found["message"] for found in page["messages"]] == ["hello, Bob"]
            async with socket(site, room, cookies[1], "") as plain:
                await plain.send(json.dumps({"message": "from the tutorial's page"}))
                assert (await said(alice, "message"))["message"] == "from the tutorial's page"
                assert (await said(plain, "message"))["username"] == "bob"

    asyncio.run(scenario())


def test_who_comes_back_gets_what_was_missed(site: ChatSite, cookies: list[str]) -> None:
    room = new_room(site, "missed")

    async def scenario() -> None:
        async with Reader(site, room, cookies[0]) as alice, Reader(site, room, cookies[1]) as bob:
            await alice.send({"type": "send", "message": "before"})
            await bob.until_seen(1)
            await bob.disconnect()
            for number in range(700):
                await alice.send({"type": "send", "message": f"{number}"})
            await alice.until_seen(701)
            await bob.connect()
            await bob.until_seen(701)
            assert bob.view.posted == list(range(1, 702))
            assert bob.view.gaps == []

    asyncio.run(scenario())


def test_three_hundred_lines_of_a_command_reach_twenty_sockets_once_and_in_order(
    site: ChatSite, cookies: list[str]
) -> None:
    room = new_room(site, "lines")

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(Reader(site, room, cookies[n % 2])) for n in range(20)]
            lines = "".join(f"line {number}\n" for number in range(1, 301))
            done = await asyncio.to_thread(site.manage, "chat_send", "-q", room, "--lines", input=lines)
            assert done.returncode == 0, done.stderr
            for reader in readers:
                await reader.until_seen(300)
                assert reader.view.posted == list(range(1, 301))
                assert [text for text, _ in reader.view.messages.values()] == lines.splitlines()

    asyncio.run(scenario())


def test_who_stops_reading_is_closed_with_4008_while_the_others_have_everything(
    site: ChatSite, cookies: list[str]
) -> None:
    room, count = new_room(site, "slow"), 400
    cookie = f"Cookie: {cookies[1]}\r\n".encode()
    with Wire(site.host, site.port, receive_buffer=4096) as slow:
        slow.open(f"/ws/chat/{room}/?v=1", cookie).send('{"type": "hello"}')

        async def scenario() -> None:
            async with Reader(site, room, cookies[0]) as alice, Reader(site, room, cookies[0]) as other:
                for number in range(count):
                    await alice.send({"type": "send", "message": f"{number} ".ljust(40_000, "x")})
                    await other.until_seen(number + 1)
                assert other.view.posted == list(range(1, count + 1))
                await alice.until_seen(count)

        asyncio.run(scenario())
        seqs = []
        while (frame := slow.receive()) and frame.opcode == TEXT:
            event = json.loads(frame.payload)
            if event["type"] == "message":
                seqs.append(event["seq"])
        assert frame is not None, "the connection ended without a close frame"
        assert frame.close_code == 4008
        assert seqs == list(range(1, len(seqs) + 1)), "whole, and in order, from the first on"
        assert len(seqs) < count


def test_a_stop_loses_nothing_that_was_acknowledged() -> None:
    env = {"CHAT_RATE": "off"}
    with ChatSite(server="uvicorn", env=env) as site:
        (cookie,) = site.sign_in("alice")
        room = new_room(site, "stop")

        async def scenario() -> tuple[int, list[int]]:
            async with Reader(site, room, cookie) as alice:
                for number in range(300):
                    await alice.send({"type": "send", "client_id": str(number), "message": str(number)})
                await alice.until(lambda: len(alice.replies) >= 10, "some acknowledgements")
                assert await asyncio.to_thread(site.stop) == 0
                await alice.until(lambda: alice.closed is not None, "the end")
                return alice.closed or 0, [reply["seq"] for reply in alice.replies]

        code, acknowledged = asyncio.run(scenario())
        assert code == 1012
        assert "Traceback" not in site.stderr, site.stderr
        assert "Application shutdown complete." in site.stderr
        assert {event["seq"] for event in in_the_log(site, room)} >= set(acknowledged)
