"""Handshakes that come to no end, and no descriptors left: who is in stays in, and later everybody is served again."""

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.faults.posting import posting, worst
from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire
from tests.waiting import DEADLINE_S, SOAK, wait_until

pytestmark = pytest.mark.slow

CLIENTS = 10 if SOAK == 1 else 100
HALF_OPEN = 300
TIMEOUT_S = 2
#: How far they get: nothing at all, a part of the head, all but its last line.
BEGINNINGS = [b"", b"GET /ws/chat/newbox/?v=1 HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "]


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off", "CHAT_HANDSHAKE_TIMEOUT": str(TIMEOUT_S)}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def is_cut(connection: socket.socket) -> bool:
    """Whether the server has ended it, perhaps after an answer."""
    connection.settimeout(DEADLINE_S)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.fault("F16")
def test_half_open_handshakes_are_in_nobodys_way_and_are_cut(site: ChatSite, figures: Callable[..., None]) -> None:
    cookies, ledger = site.sign_in("alice", "bob"), Ledger()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            async with posting(crowd, rate=50) as alone:
                await asyncio.sleep(1)
            with ExitStack() as stack:
                half_open = []
                for number in range(HALF_OPEN):
                    connection = stack.enter_context(socket.create_connection((site.host, site.port)))
                    connection.sendall(BEGINNINGS[number % len(BEGINNINGS)])
                    half_open.append(connection)
                async with posting(crowd, rate=50) as beside, Crowd(site, "newbox", cookies, 2, ledger):
                    await asyncio.to_thread(lambda: [is_cut(connection) for connection in half_open])
            await crowd.until_even()
            assert {person.entries for person in crowd.people} == {1}
        figures("F16", half_open=HALF_OPEN, ack_s=worst(beside), ack_without_s=worst(alone))

    asyncio.run(scenario())
    ledger.check(site)


@pytest.mark.fault("F17")
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit (Linux)")
def test_when_descriptors_run_out_who_is_in_goes_on_and_others_come_in_later(
    site: ChatSite, figures: Callable[..., None]
) -> None:
    cookies, ledger = site.sign_in("alice", "bob"), Ledger()
    assert site.process is not None
    pid = site.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies, CLIENTS, ledger) as crowd:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files(pid) + 10, limits[1]))
            try:
                strangers = [Wire(site.host, site.port) for _ in range(40)]
                async with posting(crowd) as took:
                    done = await asyncio.to_thread(site.manage, "chat_send", "newbox", "a command")
                    assert done.returncode == 0, done.stderr
                    await crowd.until_even()
                for stranger in strangers:
                    stranger.socket.close()
                await asyncio.to_thread(wait_until, lambda: serves(site), "new ones are served again")
            finally:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            async with Crowd(site, "newbox", cookies, 20, ledger) as later:
                await crowd.post(5, rate=10)
                await later.until_even()
            assert {person.entries for person in crowd.people} == {1}
        figures("F17", clients=CLIENTS, ack_s=worst(took))

    asyncio.run(scenario())
    ledger.check(site)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def serves(site: ChatSite) -> bool:
    with Wire(site.host, site.port) as wire:
        return wire.handshake("/ws/chat/newbox/?v=1").startswith(b"HTTP/1.1 101 ")
