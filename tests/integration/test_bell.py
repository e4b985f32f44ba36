"""The bell over a real Valkey: what is rung is heard, what is not ours is ignored, and no trouble delays anybody."""

import asyncio
import errno
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from redis import ConnectionError as Lost
from redis import Redis
from redis.asyncio import UnixDomainSocketConnection

from chatcli.valkey import BrokerError, Valkey, valkey_binary
from chatcore import bell, conf, services
from chatcore.bell import Batch, Bell, Listener
from chatcore.bell.layer import channel_layer, layer_setting
from chatcore.clock import Clock
from chatcore.feed import Lookout, follow
from chatcore.history import RoomView
from chatcore.hub import sweep
from chatcore.services import Post
from tests.integration.sockets import Site, elsewhere
from tests.waiting import DEADLINE_S, wait_until

try:
    valkey_binary()
    MISSING = ""
except BrokerError as error:
    MISSING = str(error)

pytestmark = [pytest.mark.valkey, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

PREFIX = "roomline-test"
EPOCH = "e" * 32


def batch(prev: int, head: int, *, room: int = 1, size: int = 10, epoch: str = EPOCH) -> Batch:
    return Batch(room, epoch, prev, head, [b"%d" % rev + b" " * size for rev in range(prev + 1, head + 1)])


class Broker:
    """A Valkey of the tests' own, which may die and come back."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rl-"))  # a socket's path is short
        self.path = self._folder / "valkey.sock"
        self._valkey: Valkey | None = None
        self.start()

    def start(self) -> None:
        self._valkey = Valkey(self.path, lambda: False)

    def client(self) -> Redis:
        return Redis(unix_socket_path=str(self.path))

    def signal(self, number: signal.Signals) -> None:
        """A signal to the server itself."""
        with self.client() as client:
            os.kill(client.info("server")["process_id"], number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._valkey is not None
        self._valkey.stop()

    def close(self) -> None:
        assert self._valkey is not None
        self._valkey.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def listeners(self, room_id: int) -> int:
        """How many connections are subscribed to the room's group."""
        with self.client() as client:
            ((_, count),) = client.pubsub_numsub(self.channel(room_id))
        return int(count)

    def publish(self, room_id: int, raw: bytes) -> None:
        with self.client() as client:
            client.publish(self.channel(room_id), raw)

    @staticmethod
    def channel(room_id: int) -> str:
        return f"{PREFIX}__group__room.{room_id}"


@pytest.fixture(scope="module")
def _server() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def broker(_server: Broker) -> Iterator[Broker]:
    host = {"address": f"unix://{_server.path}", "socket_timeout": 2, "socket_connect_timeout": 2}
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host], "prefix": PREFIX},
    }  # fmt: skip
    with override_settings(CHANNEL_LAYERS={"default": layer}, CHAT_BROKER_SOCKET=str(_server.path)):
        yield _server


class Heard:
    """A running Listener, and what it hears."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.rings: asyncio.Queue[Batch] = asyncio.Queue()
        self.whispers: asyncio.Queue[tuple[int, str, bytes]] = asyncio.Queue()
        self.listener = Listener(self.rings.put_nowait, lambda *whisper: self.whispers.put_nowait(whisper))

    async def ring(self) -> Batch:
        async with asyncio.timeout(DEADLINE_S):
            return await self.rings.get()

    async def listen_to(self, room_id: int) -> None:
        self.listener.want(room_id)
        await self.until(lambda: self._broker.listeners(room_id) > 0)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110  the broker is asked
                await asyncio.sleep(0.01)


def hearing(broker: Broker, check: Callable[[Heard], Awaitable[None]]) -> None:
    """Run the check with a Listener to room 1."""

    async def run() -> None:
        heard = Heard(broker)
        listening = asyncio.create_task(heard.listener.run())
        try:
            await heard.listen_to(1)
            await check(heard)
        finally:
            listening.cancel()

    asyncio.run(run())


# Ringing


def test_code_without_a_loop_rings_and_knows_that_it_was_rung(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        assert await asyncio.to_thread(bell.ring, [batch(0, 2)], wait=DEADLINE_S)
        assert await heard.ring() == batch(0, 2)
        assert await asyncio.to_thread(bell.ring, [batch(2, 3), batch(0, 1, room=2)])
        assert await heard.ring() == batch(2, 3)

    hearing(broker, check)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_rings_too(broker: Broker) -> None:
    """As task queues do: the parent's ringing thread is not in the child."""
    with broker.client() as client, client.pubsub() as listening:
        listening.subscribe(broker.channel(1))
        assert bell.ring([batch(0, 1)], wait=DEADLINE_S)
        child = os.fork()
        if child == 0:
            os._exit(0 if bell.ring([batch(1, 2)], wait=DEADLINE_S) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        heard: list[bytes] = []
        while len(heard) < 2:
            message = listening.get_message(timeout=DEADLINE_S)
            assert message is not None
            heard += [message["data"]] if message["type"] == "message" else []


def test_rings_that_wait_become_one(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        ringing = Bell()
        for rev in range(20):
            task = ringing.ring([batch(rev, rev + 1)])
        assert await task
        assert await heard.ring() == batch(0, 20)
        assert await ringing.ring([batch(20, 21)])
        assert await heard.ring() == batch(20, 21)
        assert heard.rings.empty()

    hearing(broker, check)


@pytest.mark.parametrize(
    "second", [batch(5, 6), batch(1, 2, epoch="f" * 32), Batch(1, EPOCH, 1, 2)], ids=["a hole", "another epoch", "bare"]
)
def test_rings_that_do_not_follow_each_other_become_a_bare_one(broker: Broker, second: Batch) -> None:
    async def check(heard: Heard) -> None:
        ringing = Bell()
        ringing.ring([batch(0, 1)])
        assert await ringing.ring([second])
        prev = 0 if second.epoch == EPOCH else second.prev
        assert await heard.ring() == Batch(1, second.epoch, prev, second.head, [])

    hearing(broker, check)


@pytest.mark.parametrize("halves", [1, 2])
def test_more_than_256_kib_is_rung_as_bare_numbers(broker: Broker, halves: int) -> None:
    async def check(heard: Heard) -> None:
        ringing = Bell()
        step = 60 // halves
        for prev in range(0, 60, step):
            task = ringing.ring([batch(prev, prev + step, size=5000)])
        assert await task
        assert await heard.ring() == Batch(1, EPOCH, 0, 60, [])
        assert await ringing.ring([batch(60, 61, size=200_000)])
        assert len((await heard.ring()).payloads) == 1

    hearing(broker, check)


def test_when_very_many_rooms_wait_all_rings_are_bare(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        assert await Bell().ring([batch(0, 1, room=room) for room in range(1, 1003)])
        assert await heard.ring() == Batch(1, EPOCH, 0, 1, [])

    hearing(broker, check)


def test_many_rooms_are_rung_at_once_and_each_hears_its_own(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        await heard.listen_to(7)
        assert await Bell().ring([batch(0, 1, room=room) for room in range(1, 201)])
        assert [await heard.ring(), await heard.ring()] == [batch(0, 1, room=1), batch(0, 1, room=7)]
        assert await Bell().ring([batch(1, 2, room=7)])
        assert await heard.ring() == batch(1, 2, room=7)

    hearing(broker, check)


def test_large_events_of_many_rooms_go_in_pieces(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        await heard.listen_to(10)
        assert await Bell().ring([batch(0, 1, room=room, size=100_000) for room in range(1, 11)])
        assert [await heard.ring(), await heard.ring()] == [
            batch(0, 1, size=100_000),
            batch(0, 1, room=10, size=100_000),
        ]

    hearing(broker, check)


def test_what_a_bell_rang_is_not_heard_where_it_is_known_already(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        ours, theirs = Bell(), Bell()
        heard.listener.own = ours.origin
        await ours.ring([batch(0, 1)])
        await theirs.ring([batch(1, 2)])
        assert await heard.ring() == batch(1, 2)

    hearing(broker, check)


def test_the_rings_of_a_room_keep_their_order(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        ringing = Bell()
        for rev in range(200):
            ringing.ring([batch(rev, rev + 1)])
            if rev % 7 == 0:
                await asyncio.sleep(0)
        await ringing.close()
        last = 0
        while last < 200:
            ring = await heard.ring()
            assert ring.prev == last
            last = ring.head

    hearing(broker, check)


# Listening


def test_a_room_that_is_forgotten_is_heard_no_more(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        await heard.listen_to(2)
        heard.listener.forget(1)
        await heard.until(lambda: broker.listeners(1) == 0)
        await Bell().ring([batch(0, 1), batch(0, 1, room=2)])
        assert (await heard.ring()).room_id == 2

    hearing(broker, check)


RING: dict[str, Any] = {"type": "roomline.ring", "v": 2, "from": "another bell", "rings": []}


def ring_of(*rings: Any) -> dict[str, Any]:
    """A ring of rooms, each given as room, epoch, prev, head, payloads."""
    return RING | {"rings": list(rings)}


FOREIGN: list[dict[str, Any]] = [
    {}, {"type": "chat.message", "message": "hi"}, {"message": "hi"}, RING | {"rings": None},
    RING | {"rings": 5}, RING | {"rings": "text"}, ring_of(5), ring_of([]), ring_of([1]),
    ring_of([[], EPOCH, 0, 1, [b"{}"]]),
    ring_of(["1", EPOCH, 0, 1, [b"{}"]]), ring_of([None, EPOCH, 0, 1, [b"{}"]]), ring_of([True, EPOCH, 0, 1, [b"{}"]]),
    ring_of([1, EPOCH, -1, 1, [b"{}", b"{}"]]), ring_of([1, EPOCH, 1, 1, []]), ring_of([1, EPOCH, 0, 0, []]),
    ring_of([1, EPOCH, True, 2, [b"{}"]]), ring_of([1, EPOCH, 0, 2**63, [b"{}"]]), ring_of([1, 5, 0, 1, [b"{}"]]),
    ring_of([1, EPOCH, 0, 1, None]), ring_of([1, EPOCH, 0, 1, "{}"]), ring_of([1, EPOCH, 0, 1, ["{}"]]),
    ring_of([1, EPOCH, 0, 1, [b"{}", b"{}"]]), ring_of([1, EPOCH, 0, 1, [b"{}"], 6]),
    {key: RING[key] for key in RING if key != "from"}, {key: RING[key] for key in RING if key != "rings"},
    {"type": "roomline.whisper", "epoch": EPOCH},
    {"type": "roomline.whisper", "from": "x", "room": 1, "epoch": EPOCH, "frame": "text"},
    {"type": "roomline.whisper", "from": "x", "room": "1", "epoch": EPOCH, "frame": b"{}"},
    {"type": "roomline.whisper", "from": "x", "room": 1, "epoch": 5, "frame": b"{}"},
    {"type": "roomline.whisper", "from": "x", "room": 1, "epoch": EPOCH, "frame": b"\xff\xfe"},
]  # fmt: skip


def test_what_others_send_to_our_groups_is_ignored_counted_and_told_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(heard: Heard) -> None:
        for count, foreign in enumerate(FOREIGN, 1):
            await channel_layer().group_send("room.1", foreign)
            await Bell().ring([batch(0, 1)])
            assert await heard.ring() == batch(0, 1)
            assert heard.listener.ignored == {"foreign": count}, foreign
        assert heard.whispers.empty()

    hearing(broker, check)
    (record,) = [record for record in caplog.records if record.name.startswith("chatcore")]
    assert "ignored a foreign message to a room's group" in record.getMessage()
    assert "use chatcore.post()" in record.getMessage()


def test_bytes_that_are_not_even_a_message_are_ignored(broker: Broker) -> None:
    raws = [b"", b"hello", b"\xc1", b"\x93", b"\x81\xa4type", b"\xff" * 1000, b'{"type":1}']

    async def check(heard: Heard) -> None:
        for count, raw in enumerate(raws, 1):
            await asyncio.to_thread(broker.publish, 1, raw)
            await Bell().ring([batch(0, 1)])
            assert await heard.ring() == batch(0, 1)
            assert sum(heard.listener.ignored.values()) == count, raw

    hearing(broker, check)


def test_whispers_of_other_processes_are_heard_and_our_own_are_not(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        ringing = Bell()
        heard.listener.own = ringing.origin
        ringing.whisper(1, EPOCH, b'{"type":"typing"}')
        await ringing.close()
        other = {"type": "roomline.whisper", "from": "another process", "room": 1, "epoch": EPOCH, "frame": b"{}"}
        await channel_layer().group_send("room.1", other)
        async with asyncio.timeout(DEADLINE_S):
            assert await heard.whispers.get() == (1, EPOCH, b"{}")
        assert heard.whispers.empty()
        assert heard.listener.ignored == {}
        del other["epoch"]
        await channel_layer().group_send("room.1", other)
        await Bell().ring([batch(0, 1)])
        assert await heard.ring() == batch(0, 1)
        assert heard.listener.ignored == {"version": 1}, "of a process that has not been updated yet"

    hearing(broker, check)


# A broker in trouble


def test_without_a_broker_there_is_nothing_to_ring() -> None:
    with override_settings(CHAT_BROKER_SOCKET="/nonexistent/valkey.sock"):
        assert not bell.configured()
        assert bell.ring([batch(0, 1)], wait=5)
        assert asyncio.run(rung(batch(0, 1)))


@pytest.mark.parametrize(
    "layers", [{}, {"default": {}}, {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}]
)
def test_without_a_layer_that_reaches_others_there_is_nothing_to_ring(layers: dict[str, Any]) -> None:
    with override_settings(CHANNEL_LAYERS=layers, CHAT_BROKER_SOCKET=None):
        assert not bell.configured()
        assert bell.ring([batch(0, 1)], wait=5)


async def rung(ring: Batch) -> bool:
    return await Bell().ring([ring])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "layer",
    [
        {"BACKEND": "channels_redis.pubsub.NoSuchLayer"},
        {"BACKEND": "no.such.module.Layer"},
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": 5}},
    ],
)
def test_a_layer_that_is_set_up_wrongly_fails_no_post(newbox: RoomView, layer: dict[str, Any]) -> None:
    answers: list[bool] = []
    with override_settings(CHANNEL_LAYERS={"default": layer}, CHAT_BROKER_SOCKET=None):
        (result,) = services.post_messages(
            [Post("newbox", "x")], announce=lambda batches: answers.append(bell.ring(batches, wait=5))
        )
        assert isinstance(result, services.Posted)
        services.post_messages([Post("newbox", "y")])
    assert answers == [False]


def test_a_broker_that_is_gone_is_told_once_and_then_left_alone_for_a_second(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        ringing = Bell()
        assert not await ringing.ring([batch(0, 1)])
        began = time.monotonic()
        for rev in range(1, 100):
            assert not await ringing.ring([batch(rev, rev + 1)])
        assert time.monotonic() - began < 1, "nothing is tried"
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(DEADLINE_S):
            while not await ringing.ring([batch(100, 101)]):  # noqa: ASYNC110  the bell itself is asked
                await asyncio.sleep(0.02)

    broker.kill()
    broker.path.touch()
    asyncio.run(run())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("chatcore")]
    assert len(lines) == 2
    assert lines[0].startswith("the live layer does not answer (")
    assert lines[1] == "the live layer answers again"


def test_a_listener_hears_again_after_its_broker_has_died(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await heard.until(lambda: broker.listeners(1) > 0)
        assert await Bell().ring([batch(0, 1)])
        assert await heard.ring() == batch(0, 1)

    hearing(broker, check)


def test_a_broker_that_hangs_delays_a_ring_by_no_more_than_was_asked_for(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        with broker.client() as client:
            process = client.info("server")["process_id"]
        os.kill(process, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert not await asyncio.to_thread(bell.ring, [batch(0, 1)], wait=0.3)
            assert time.monotonic() - began < 2
            assert bell.ring([batch(1, 2)]), "who does not wait is not delayed at all"
        finally:
            os.kill(process, signal.SIGCONT)
        ringing = Bell()
        heads = []
        async with asyncio.timeout(DEADLINE_S):
            while 3 not in heads:
                await ringing.ring([batch(2, 3)])
                try:
                    heads.append((await asyncio.wait_for(heard.rings.get(), 0.1)).head)
                except TimeoutError:
                    continue

    hearing(broker, check)


@pytest.mark.django_db(transaction=True)
def test_a_ring_of_another_thread_wakes_a_reader_whose_own_look_is_far_away(broker: Broker, newbox: RoomView) -> None:
    async def run() -> None:
        async with Lookout(poll=3600) as lookout, aclosing(follow(lookout, newbox.id, 0, newbox.epoch)) as feed:
            reading = asyncio.ensure_future(anext(feed))
            async with asyncio.timeout(DEADLINE_S):
                while not await asyncio.to_thread(broker.listeners, newbox.id):  # noqa: ASYNC110  the broker is asked
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(DEADLINE_S):
                while not reading.done():  # a bell that failed in another test is quiet for a second
                    await elsewhere(services.post_messages, [Post("newbox", "hello")])
                    await asyncio.wait([reading], timeout=0.2)
            found = reading.result()
            assert isinstance(found, Batch)
            assert found.prev == 0

    asyncio.run(run())


@pytest.mark.django_db(transaction=True)
def test_a_lookout_ends_at_once_when_its_last_reader_has_just_left(broker: Broker, newbox: RoomView) -> None:
    """It is just leaving the group then, and redis-py under Python 3.11 may swallow a cancellation."""

    async def run() -> None:
        lookout = Lookout(poll=3600)
        lookout.start()
        feed = follow(lookout, newbox.id, 0, newbox.epoch)
        reading = asyncio.ensure_future(anext(feed))
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(broker.listeners, newbox.id):  # noqa: ASYNC110  the broker is asked
                await asyncio.sleep(0.001)
            reading.cancel()
            await asyncio.wait([reading])
            await feed.aclose()
            await lookout.close()

    for _ in range(10):
        asyncio.run(run())


# Nudges


def test_a_nudge_reaches_every_server_from_a_loop_and_from_code_without_one(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        nudged: asyncio.Queue[None] = asyncio.Queue()
        heard.listener.nudged = lambda: nudged.put_nowait(None)
        async with asyncio.timeout(DEADLINE_S):
            await Bell().nudge()
            await nudged.get()
            await asyncio.to_thread(bell.nudge)
            await nudged.get()

    hearing(broker, check)


def test_a_thousand_nudges_at_once_are_a_few_messages(broker: Broker) -> None:
    async def check(heard: Heard) -> None:
        nudged: list[None] = []
        heard.listener.nudged = lambda: nudged.append(None)
        own = Bell()
        for _ in range(1000):
            task = own.nudge()
        await task
        own.ring([batch(0, 1)])
        await heard.ring()  # what was sent after them
        assert len(nudged) == 1

    hearing(broker, check)


@pytest.mark.django_db(transaction=True)
def test_a_change_of_an_account_shuts_its_sockets_out_by_the_nudge_alone(
    broker: Broker, newbox: RoomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "EVERY", float("inf"))
    alice = User.objects.create_user("alice")

    async def check() -> None:
        async with Site() as site, site.hello("newbox", alice) as client:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            await client.until("open")
            await asyncio.to_thread(wait_until, lambda: broker.listeners(newbox.id), "that it listens")
            alice.is_active = False
            await elsewhere(alice.save)
            assert (await client.until("error"))[-1]["code"] == "not_signed_in"
            assert await client.closed() == 4401
            await clock.close()

    asyncio.run(check())


def test_a_connection_that_the_kernel_gave_up_is_lost_and_not_only_quiet(broker: Broker) -> None:
    async def check() -> None:
        await Bell().ring([batch(0, 1)])  # which opens the layer
        connection = UnixDomainSocketConnection(path=str(broker.path))
        await connection.connect()
        assert connection._reader is not None
        connection._reader.set_exception(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
        with pytest.raises(Lost, match="the connection was lost: "):
            await connection.read_response(timeout=0.1)
        assert not connection.is_connected

    asyncio.run(check())


def test_a_site_without_layers_has_the_embedded_broker_s(settings: Any) -> None:
    del settings.CHANNEL_LAYERS, settings.CHAT_BROKER_SOCKET, settings.CHAT_RUN_DIR
    settings.CHAT_VAR_DIR = "/srv/a site"
    entry = layer_setting()
    assert entry is not None
    [host] = entry["CONFIG"]["hosts"]
    assert host["address"] == "unix:///srv/a%20site/run/valkey.sock"
    settings.CHAT_BROKER_SOCKET = None
    assert layer_setting() is None


def test_a_layer_of_its_own_has_an_alias(settings: Any) -> None:
    del settings.CHAT_BROKER_SOCKET
    own = {"BACKEND": "shop.layers.Own"}
    settings.CHANNEL_LAYERS, settings.CHAT_CHANNEL_LAYER = {"default": {"BACKEND": "x.y"}, "chat": own}, "chat"
    assert layer_setting() == own
    assert conf.settings.BROKER_SOCKET is None, "no broker is to be started for it"
