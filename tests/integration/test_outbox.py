"""The output of one socket, on a real pair of them: one send a write while nothing waits, one order, a bounded queue.

The transport is ours, so that what it is asked to do can be counted; Twisted's own is in the acceptance tests.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

from chatcli.server.outbox import CHUNK_BYTES, Outbox
from tests.waiting import DEADLINE_S

CAP = 100_000


class CountingSocket(socket.socket):
    """Counts what is sent on it, and not by the transport."""

    sends = 0

    def send(self, data: Any, flags: int = 0, /) -> int:
        self.sends += 1
        return super().send(data, flags)


class Transport:
    """What Twisted's TCP transport does: what it is given is sent as the kernel takes it, then more is asked for."""

    def __init__(self, end: socket.socket, handle: Any = None) -> None:
        self._end, self._handle = end, handle or end
        #: As Twisted has them.
        self.dataBuffer, self.offset = b"", 0
        self.producer: Any = None
        self.given = 0
        self.lost = False

    def getHandle(self) -> Any:  # noqa: N802
        return self._handle

    def writeSequence(self, data: Iterable[bytes], /) -> None:  # noqa: N802
        self.given += 1
        self.dataBuffer += b"".join(data)

    def registerProducer(self, producer: Any, streaming: bool, /) -> None:  # noqa: N802
        assert not streaming
        assert self.producer is None
        if self.lost:
            producer.stopProducing()
            return
        self.producer = producer
        producer.resumeProducing()

    def unregisterProducer(self) -> None:  # noqa: N802
        self.producer = None

    def turn(self) -> None:
        """One turn of the reactor, when the kernel takes something."""
        try:
            self.dataBuffer = self.dataBuffer[socket.socket.send(self._end, self.dataBuffer) :]
        except BlockingIOError:
            return
        if not self.dataBuffer and self.producer is not None:
            self.producer.resumeProducing()

    def lose(self) -> None:
        """The connection is gone."""
        self.lost = True
        self._end.close()
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None


class Pair:
    """An outbox, and the reader at the other end."""

    def __init__(self, *, secure: bool = False, stall: float = DEADLINE_S) -> None:
        ours, self.reader = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.reader.setblocking(False)
        self.socket = CountingSocket(fileno=ours.detach())
        self.transport = Transport(self.socket, object() if secure else None)
        self.overflows = 0
        self.outbox = Outbox(self.transport, CAP, stall, self._overflow)

    def _overflow(self) -> None:
        self.overflows += 1
        self.outbox.close()

    def opened(self) -> "Pair":
        """After the handshake, when nothing waits."""
        self.outbox.write_last(b"101")
        assert self.all() == b"101"
        return self

    def read(self, most: int = 1_000_000) -> bytes:
        try:
            return self.reader.recv(most)
        except BlockingIOError:
            return b""

    def all(self) -> bytes:
        """Read until nothing comes any more."""
        data = b""
        while (chunk := self.read()) or self.transport.producer is not None:
            data += chunk
            self.transport.turn()
        return data


def looped(check: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that runs in an event loop."""

    @wraps(check)
    def test() -> None:
        in_a_loop(check)

    return test


def in_a_loop(check: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await check()

    asyncio.run(run())


@looped
async def test_while_nothing_waits_a_write_is_one_send_and_the_transport_knows_nothing_of_it() -> None:
    pair = Pair().opened()
    given = pair.transport.given
    for number in range(50):
        pair.outbox.write(b"batch %d" % number)
        assert pair.read() == b"batch %d" % number
    assert pair.socket.sends == 50
    assert pair.transport.given == given


@looped
async def test_before_the_handshake_has_gone_out_nothing_overtakes_it() -> None:
    pair = Pair()
    pair.outbox.write_last(b"101;")
    pair.outbox.write(b"first;")
    assert pair.socket.sends == 0
    assert pair.all() == b"101;first;"


@looped
async def test_what_the_kernel_does_not_take_waits_and_nothing_overtakes_it() -> None:
    pair = Pair().opened()
    big = bytes(range(256)) * 200
    pair.outbox.write(big)
    sends = pair.socket.sends
    assert pair.outbox.pending > 0
    pair.outbox.write(b"second;")
    pair.outbox.write_catchup(b"third;")
    assert pair.socket.sends == sends, "the transport sends now"
    assert pair.all() == big + b"second;third;"
    assert pair.outbox.pending == 0
    pair.outbox.write(b"direct again")
    assert pair.socket.sends == sends + 1
    assert pair.read() == b"direct again"


def test_an_answer_goes_out_with_the_live_frames_of_the_same_turn_in_one_send() -> None:
    async def check() -> None:
        pair = Pair().opened()
        pair.outbox.hold(b"sent;")
        assert pair.read() == b""
        pair.outbox.write(b"message;")
        assert pair.read() == b"sent;message;"
        assert pair.socket.sends == 1
        pair.outbox.hold(b"alone")
        pair.outbox.hold(b", together;")
        await asyncio.sleep(0)
        assert pair.read() == b"alone, together;"
        assert pair.socket.sends == 2

    in_a_loop(check)


def test_an_answer_is_overtaken_by_nothing() -> None:
    async def check() -> None:
        pair = Pair().opened()
        pair.outbox.hold(b"answer 1;")
        pair.outbox.write_catchup(b"page 1;")
        pair.outbox.hold(b"answer 2;")
        pair.outbox.close()
        pair.outbox.write_last(b"close frame")
        assert pair.all() == b"answer 1;page 1;answer 2;close frame"

    in_a_loop(check)


def test_who_waits_for_nothing_to_be_pending_waits_for_answers_too() -> None:
    async def check() -> None:
        pair = Pair().opened()
        pair.outbox.hold(b"answer")
        await pair.outbox.drained()
        assert pair.read() == b"answer"

    in_a_loop(check)


@looped
async def test_over_the_cap_what_waits_is_dropped_in_whole_frames_and_said_once() -> None:
    pair = Pair().opened()
    frames = [bytes([65 + number]) * 30_000 for number in range(10)]
    for frame in frames:
        pair.outbox.write(frame)
    assert pair.overflows == 1
    assert pair.outbox.closing
    pair.outbox.write_last(b"4008")
    got = pair.all()
    assert got.endswith(b"4008")
    whole = got.removesuffix(b"4008")
    assert whole in [b"".join(frames[:count]) for count in range(1, 5)], "whole frames from the first on"


@looped
async def test_one_write_may_be_larger_than_the_cap_and_what_was_asked_for_is_no_lag() -> None:
    pair = Pair().opened()
    pair.outbox.write_catchup(b"c" * 3 * CAP)
    pair.outbox.write(b"l" * 2 * CAP)
    assert pair.overflows == 0
    assert pair.all() == b"c" * 3 * CAP + b"l" * 2 * CAP
    pair.outbox.write(b"again")
    assert pair.overflows == 0


@looped
async def test_nothing_to_write_is_no_work() -> None:
    pair = Pair().opened()
    given = pair.transport.given
    pair.outbox.write_catchup(b"")
    assert pair.transport.given == given
    pair.outbox.write(b"x")
    assert pair.socket.sends == 1


@looped
async def test_many_small_frames_that_wait_are_given_in_few_pieces() -> None:
    pair = Pair().opened()
    pair.outbox.write_catchup(b"x" * CHUNK_BYTES)
    given = pair.transport.given
    for _ in range(1000):
        pair.outbox.write(b"y" * 60)
    assert pair.all() == b"x" * CHUNK_BYTES + b"y" * 60_000
    assert pair.transport.given == given + 1


@looped
async def test_under_tls_nothing_goes_to_the_bare_socket() -> None:
    pair = Pair(secure=True).opened()
    for number in range(20):
        pair.outbox.write(b"%d;" % number)
    assert pair.all() == b"".join(b"%d;" % number for number in range(20))
    assert pair.socket.sends == 0


def test_a_reader_that_is_gone_is_no_trouble_for_who_writes() -> None:
    async def check() -> None:
        pair = Pair().opened()
        pair.reader.close()
        pair.outbox.write(b"into the void")  # EPIPE
        waiting = asyncio.ensure_future(pair.outbox.drained())
        await asyncio.sleep(0)
        pair.transport.lose()
        await waiting
        pair.outbox.hold(b"?")
        for write in (pair.outbox.write, pair.outbox.write_catchup, pair.outbox.write_last):
            write(b"after the end")
        await pair.outbox.drained()
        assert (pair.outbox.pending, pair.outbox.closing) == (0, True)

    in_a_loop(check)


@looped
async def test_one_that_died_unnoticed_is_no_trouble_either() -> None:
    """The socket is closed, and whoever writes is the first to see it."""
    pair = Pair().opened()
    pair.transport.lose()
    pair.outbox.write(b"into a closed socket")
    assert (pair.outbox.pending, pair.outbox.closing) == (0, True)


@looped
async def test_after_the_close_frame_nothing_follows() -> None:
    pair = Pair().opened()
    pair.outbox.write(b"x" * 50_000)
    pair.outbox.close()
    pair.outbox.write_last(b"close frame")
    pair.outbox.write(b"late")
    pair.outbox.write_catchup(b"late")
    assert pair.all() == b"x" * 50_000 + b"close frame"
    pair.outbox.write(b"later")
    assert pair.all() == b""


@looped
async def test_what_waits_when_the_transport_is_to_close_is_given_to_it_before() -> None:
    pair = Pair().opened()
    for number in range(10):
        pair.outbox.write_catchup(b"%d" % number * 20_000)
    pair.outbox.flush()
    pair.transport.unregisterProducer()  # as autobahn does
    data = b""
    pair.transport.turn()
    while chunk := pair.read():
        data += chunk
        pair.transport.turn()
    assert data == b"".join(b"%d" % number * 20_000 for number in range(10))


def test_a_peer_that_takes_nothing_is_given_up_also_while_it_catches_up() -> None:
    async def check() -> None:
        pair = Pair(stall=0.05).opened()
        pair.outbox.write_catchup(b"x" * 10 * CHUNK_BYTES)
        while not pair.overflows:
            pair.transport.turn()
            await asyncio.sleep(0.01)
        assert pair.outbox.closing

    in_a_loop(check)


def test_a_peer_that_takes_little_by_little_is_waited_for() -> None:
    async def check() -> None:
        pair = Pair(stall=0.2).opened()
        pair.outbox.write_catchup(b"x" * 30 * CHUNK_BYTES)  # one piece
        begun = asyncio.get_running_loop().time()
        while pair.outbox.pending:
            pair.read(1000 if asyncio.get_running_loop().time() - begun < 0.6 else 1_000_000)
            pair.transport.turn()
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)  # nothing waits: nobody is given up, however long that lasts
        pair.outbox.write(b"live")
        assert pair.all().endswith(b"live")
        assert pair.overflows == 0

    in_a_loop(check)
