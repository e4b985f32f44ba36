"""The way out to one socket on any ASGI server: whole frames in order, bounded by bytes, closed once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.test import override_settings

from chatcore.frames import text_frame
from chatcore.outlets import Encoded, FrameOutlet, QueueOutlet, for_plain_clients, outlet_for

Event = dict[str, Any]


class Wire:
    """An ASGI `send` whose reader may stop; it may also be gone."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = False

    async def send(self, event: Event) -> None:
        await self.reading.wait()
        if self.gone:
            raise ConnectionResetError("the client has left")
        self.events.append(event)

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.events if event["type"] == "websocket.send"]

    @property
    def codes(self) -> list[int]:
        return [event["code"] for event in self.events if event["type"] == "websocket.close"]


def with_queue(check: Callable[[Wire, QueueOutlet], Awaitable[None]]) -> None:
    async def run() -> None:
        wire = Wire()
        await check(wire, QueueOutlet(wire.send))

    asyncio.run(run())


def encoded(*texts: str) -> Encoded:
    return Encoded.of([text.encode() for text in texts])


def test_events_are_encoded_and_framed_once_for_all() -> None:
    both = encoded("one", "zwei \u00fc")
    assert both.frames == text_frame(b"one") + text_frame("zwei \u00fc".encode())


def test_a_plain_client_gets_the_messages_of_a_batch_and_no_changes() -> None:
    batch = encoded('{"type":"message","a":1}', '{"type":"edit","a":2}', '{"type":"message","a":3}')
    assert for_plain_clients(batch).payloads == [batch.payloads[0], batch.payloads[2]]
    assert for_plain_clients(batch).frames == encoded('{"type":"message","a":1}', '{"type":"message","a":3}').frames
    messages = encoded('{"type":"message"}')
    assert for_plain_clients(messages) is messages, "nothing is framed twice"
    assert for_plain_clients(encoded('{"type":"delete"}')).payloads == []


def test_what_is_written_is_sent_in_order() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        outlet.live(encoded("1", "2"))
        outlet.backlog(encoded("3"))
        outlet.live(encoded("4"))
        await outlet.drained()
        assert wire.texts == ["1", "2", "3", "4"]
        outlet.live(encoded("5"))
        await outlet.drained()
        assert wire.texts[-1] == "5"

    with_queue(check)


def test_nothing_to_drain_is_drained() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        await outlet.drained()
        outlet.backlog(encoded())
        await outlet.drained()
        assert wire.events == []

    with_queue(check)


def test_closing_comes_after_what_was_written_and_once() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        outlet.live(encoded("last words"))
        await asyncio.gather(outlet.close(4404), outlet.close(4008))
        outlet.live(encoded("too late"))
        await outlet.drained()
        assert wire.events == [
            {"type": "websocket.send", "text": "last words"},
            {"type": "websocket.close", "code": 4404},
        ]

    with_queue(check)


def test_closing_needs_nothing_written_before() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        await outlet.close(4401)
        assert wire.codes == [4401]

    with_queue(check)


@override_settings(CHAT_OUTBOX_BYTES=1000)
def test_a_reader_that_falls_behind_is_closed_with_4008_after_whole_frames() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        wire.reading.clear()
        for number in range(100):
            outlet.live(encoded(f"{number:02} " + "x" * 97))
        wire.reading.set()
        await outlet.drained()
        assert wire.codes == [4008]
        assert wire.events[-1]["type"] == "websocket.close"
        assert [int(text[:2]) for text in wire.texts] == list(range(len(wire.texts))), "a run, then the end"
        assert len(wire.texts) <= 1, "what waited is not sent to somebody who cannot take it"

    with_queue(check)


@override_settings(CHAT_OUTBOX_BYTES=1000)
def test_up_to_the_cap_nothing_is_lost() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        for _ in range(10):
            wire.reading.clear()
            for _ in range(10):
                outlet.live(encoded("x" * 100))
            wire.reading.set()
            await outlet.drained()
        assert len(wire.texts) == 100
        assert wire.codes == []

    with_queue(check)


@override_settings(CHAT_OUTBOX_BYTES=1000)
def test_catching_up_is_never_lag() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        wire.reading.clear()
        outlet.backlog(encoded(*["x" * 1000] * 50))
        outlet.live(encoded("live"))
        wire.reading.set()
        await outlet.drained()
        assert len(wire.texts) == 51
        assert wire.codes == []

    with_queue(check)


def test_a_socket_that_is_gone_takes_everything_in_silence() -> None:
    async def check(wire: Wire, outlet: QueueOutlet) -> None:
        wire.gone = True
        outlet.live(encoded("1", "2"))
        await outlet.drained()
        outlet.backlog(encoded("3"))
        await outlet.drained()
        await outlet.close(4008)
        assert wire.events == []

    with_queue(check)


class Frames:
    """A server's ready frames, as the server's side of the extension has them."""

    def __init__(self) -> None:
        self.pending, self.closing = 0, False
        self.written: list[bytes] = []
        self.caught_up: list[bytes] = []

    def write(self, frames: bytes) -> None:
        self.written.append(frames)

    def write_catchup(self, frames: bytes) -> None:
        self.caught_up.append(frames)

    async def drained(self) -> None:
        return None


def test_a_server_with_ready_frames_gets_each_batch_in_one_write() -> None:
    async def run() -> None:
        wire, frames = Wire(), Frames()
        outlet = outlet_for({"extensions": {"roomline.frames": frames}}, wire.send)
        assert isinstance(outlet, FrameOutlet)
        live, old = encoded("1", "2", "3"), encoded("0")
        outlet.backlog(old)
        outlet.live(live)
        await outlet.drained()
        await outlet.close(4404)
        assert frames.caught_up == [old.frames]
        assert len(frames.written) == 1
        assert frames.written[0] is live.frames
        assert wire.events == [{"type": "websocket.close", "code": 4404}]

    asyncio.run(run())


def test_any_other_server_gets_a_queue() -> None:
    async def run() -> None:
        assert isinstance(outlet_for({"extensions": {}}, Wire().send), QueueOutlet)
        assert isinstance(outlet_for({}, Wire().send), QueueOutlet)

    asyncio.run(run())
