"""PostgreSQL stops, comes back, and ends connections: said as such meanwhile, and it heals by itself."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.faults.posting import UNAVAILABLE, Commands, posting, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK

pytestmark = [*needs_postgresql, pytest.mark.slow, pytest.mark.fault("F12")]

CLIENTS = 6 if SOAK == 1 else 60
GONE, BACK = "the database does not answer", "the database answers again"


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def site(server: PostgreSQL) -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off", "DATABASE_URL": server.url}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def page(site: ChatSite, address: str, cookie: str) -> tuple[int, str]:
    """The status and the text of a page."""
    request = urllib.request.Request(site.url + address, headers={"Cookie": cookie})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_what_was_posted_while_it_was_stopped_is_stored_when_it_is_back(
    server: PostgreSQL, site: ChatSite, figures: Callable[..., None]
) -> None:
    cookies, ledger = site.sign_in("alice", "bob"), Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            await commands.send("before")
            async with posting(crowd) as took:
                for _ in range(min(SOAK, 5)):
                    await asyncio.to_thread(server.stop)
                    reason = await commands.send("meanwhile", code=UNAVAILABLE)
                    assert "the database does not answer" in reason
                    assert "nothing was stored" in reason
                    for address in ("", "chat/newbox/", "admin/"):
                        status, text = await asyncio.to_thread(page, site, address, cookies[0])
                        assert status == 503, address
                        assert "cannot be reached right now" in text
                        assert str(server.port) not in text
                    await turned_away(site, cookies[0], server)
                    await asyncio.to_thread(server.start)
                    back = time.monotonic()
                    await commands.send("it is back")
                    await crowd.until_even()
                    even_after = time.monotonic() - back
        figures(
            "F12", clients=CLIENTS, healed_s=round(even_after, 2), ack_s=worst(took), command_s=worst(commands.took)
        )

    asyncio.run(scenario())
    ledger.check(site)
    lines = site.stderr.splitlines()
    assert any(GONE in line for line in lines)
    assert any(BACK in line for line in lines)


async def turned_away(site: ChatSite, cookie: str, server: PostgreSQL) -> None:
    """Who comes now is told why he cannot, without the address of the database; he may come again."""
    async with connect(f"{site.ws_url('newbox')}?v=1", additional_headers={"Cookie": cookie}) as newcomer:
        (error,) = [json.loads(frame) async for frame in frames_of(newcomer)]
        assert newcomer.close_code == 1011
    assert error["code"] == "unavailable"
    assert str(server.port) not in error["detail"]


async def frames_of(newcomer: ClientConnection) -> AsyncIterator[str | bytes]:
    """Until the server closes, for whatever reason."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(DEADLINE_S):
            while True:
                yield await newcomer.recv()


def test_connections_that_are_ended_are_made_anew(
    server: PostgreSQL, site: ChatSite, figures: Callable[..., None]
) -> None:
    cookies, ledger = site.sign_in("alice", "bob"), Ledger()

    async def scenario() -> None:
        commands = Commands(site, "newbox", ledger)
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd, posting(crowd) as took:
            for _ in range(5 * SOAK):
                assert await asyncio.to_thread(server.kill_connections) > 0
                await commands.send("after it")
                await crowd.until_even()
            assert {person.entries for person in crowd.people} == {1}, "nobody had to reconnect"
        figures("F12", killed=5 * SOAK, ack_s=worst(took))

    asyncio.run(scenario())
    ledger.check(site)
