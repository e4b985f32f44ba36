"""Readers who stop reading, one kind in silence, the other one still sending: they are dropped, nobody else suffers."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd, Stopwatch
from tests.acceptance.resources import connections, resources
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire
from tests.waiting import DEADLINE_S, SOAK

pytestmark = pytest.mark.slow

CAP = 1 << 20
CLIENTS = 20 if SOAK == 1 else 40
#: Each second so many messages of this length: a slow reader has missed the cap in a second or two.
RATE, TEXT = 100.0, "x" * 3900
#: Seconds before, and with, slow readers.
BEFORE = 3 if SOAK == 1 else 30
SLOW = 4
PING = '{"type":"ping"}'


def stopped(site: ChatSite, cookie: str) -> Wire:
    """Somebody who was let in, has everything, and reads nothing any more; his kernel takes little."""
    wire = Wire(site.host, site.port, receive_buffer=4096)
    wire.open("/ws/chat/newbox/?v=1", f"Cookie: {cookie}\r\n".encode())
    wire.send('{"type":"hello"}')
    while (frame := wire.receive()) is not None and b'"type":"presence"' not in frame.payload:
        pass  # what was there before: up to here it is catching up, which is no lag
    return wire


async def until_dropped(site: ChatSite, wires: list[Wire], *, sending: bool) -> tuple[float, int]:
    """The seconds until the server has got rid of all of them, and the most memory that it had meanwhile.

    Those who send ask again and again whether anybody is there.
    """
    assert site.process is not None
    begun, most = time.monotonic(), 0
    ports = {wire.socket.getsockname()[1] for wire in wires}
    async with asyncio.timeout(DEADLINE_S):
        while ports & connections(site.port):
            most = max(most, resources(site.process.pid).rss)
            for wire in wires if sending else ():
                with suppress(OSError):  # its own way out is full, or it was cut off
                    wire.socket.settimeout(0)
                    wire.send(PING)
            await asyncio.sleep(0.02)
    return time.monotonic() - begun, most


@pytest.mark.fault("F15")
@pytest.mark.parametrize("sending", [False, True], ids=["passive", "sending"])
def test_slow_readers_are_dropped_at_the_cap_and_nobody_else_suffers(
    site: ChatSite, cookies: list[str], figures: Callable[..., None], *, sending: bool
) -> None:
    ledger, stopwatch = Ledger(), Stopwatch()

    async def scenario() -> None:
        async with Crowd(site, "newbox", cookies[1:], CLIENTS, ledger, stopwatch=stopwatch) as crowd:
            await crowd.post(int(BEFORE * RATE), RATE, TEXT)
            _, before = stopwatch.lap()
            assert site.process is not None
            rss = resources(site.process.pid).rss
            wires = await asyncio.gather(*(asyncio.to_thread(stopped, site, cookies[0]) for _ in range(SLOW)))
            posting = asyncio.create_task(crowd.post(int((BEFORE + 5) * RATE), RATE, TEXT))
            gone_after, most = await until_dropped(site, wires, sending=sending)
            more = most - rss
            await posting
            await crowd.until_even()
            _, meanwhile = stopwatch.lap()
            figures(
                "F15", sending=sending, readers=CLIENTS, slow=SLOW, gone_after_s=round(gone_after, 2),
                p99_before_ms=round(before.percentile(99) * 1e3, 1),
                p99_with_ms=round(meanwhile.percentile(99) * 1e3, 1),
                rss_more_mib=round(more / (1 << 20), 1), cap_mib=CAP * SLOW / (1 << 20),
            )  # fmt: skip
            assert all(not person.view.closes for person in crowd.people), "others were cut off, too"
            assert more < 32 * CAP, f"the server has taken {more} bytes more for {SLOW} readers at {CAP} bytes"
            for wire in wires:
                wire.socket.close()
            ledger.check(site)

    asyncio.run(scenario())
