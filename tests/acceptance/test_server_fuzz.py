"""What was sent is what is received, with small buffers, slow readers, pings, resets and closes in between."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.echo import fuzz_texts
from tests.acceptance.site import ECHO, ChatSite
from tests.acceptance.wire import CLOSE, PING, PONG, TEXT, Wire
from tests.waiting import SOAK

pytestmark = pytest.mark.runchat("the server of runchat itself")

CONNECTIONS, TEXTS = 60 * SOAK, 100


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env={**ECHO, "CHAT_OUTBOX_BYTES": "150000"}, arguments=["--drain", "1"]) as site:
        yield site
        assert "Traceback" not in site.stderr


def one_reader(site: ChatSite, seed: int) -> str:
    """Read one connection's texts in a way that the seed decides; how it ended."""
    dice = random.Random(seed)
    expected = fuzz_texts(seed, TEXTS)
    leave_after = dice.choice([None, None, dice.randrange(TEXTS)])
    pause = dice.choice([0, 0, 0.001, 0.01])
    pongs = []
    with Wire(site.host, site.port, receive_buffer=dice.choice([None, 2048, 20_000])) as wire:
        wire.open(f"/{seed}")
        wire.send(f"fuzz {seed} {TEXTS}")
        for number in range(TEXTS):
            if number == leave_after:
                return leave(wire, dice)
            if dice.random() < 0.2:
                pongs.append(b"%d" % number)
                wire.send(pongs[-1], PING)
            time.sleep(pause)
            frame = wire.receive()
            while frame and frame.opcode in (PING, PONG):
                assert frame.opcode == PING or frame.payload == pongs.pop(0)
                frame = wire.receive()
            assert frame, "the connection was lost"
            if frame.opcode == CLOSE:
                assert frame.close_code == 4008
                return "4008"
            assert frame.opcode == TEXT
            assert frame.payload.decode() == next(expected)
        wire.send(b"\x03\xe8", CLOSE)
        assert wire.close_code() == 1000
        assert wire.receive() is None
    return "complete"


def leave(wire: Wire, dice: random.Random) -> str:
    """End in the middle: with a reset, or with a close that the server answers after what it had begun to send."""
    if dice.random() < 0.5:
        wire.reset()
        return "reset"
    wire.send(b"\x03\xe8", CLOSE)
    assert wire.close_code() in (1000, 4008)
    return "closed"


def test_what_was_sent_is_what_is_received(site: ChatSite) -> None:
    with ThreadPoolExecutor(12) as readers:
        ends = list(readers.map(lambda seed: one_reader(site, seed), range(CONNECTIONS)))
    counts = {end: ends.count(end) for end in sorted(set(ends))}
    assert set(counts) == {"4008", "closed", "complete", "reset"}, counts
    with Wire(site.host, site.port) as wire:
        wire.open("/after").send("echo fine")
        assert wire.text() == "fine"
