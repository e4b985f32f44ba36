"""Probes over a real Valkey: servers answer them, also while nobody is in a room; others do not; nothing hangs."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from redis.exceptions import RedisError

from chatcore.bell import Bell
from chatcore.bell.layer import channel_layer
from chatcore.bell.probing import Echo, probe
from chatcore.clock import Clock
from chatcore.history import RoomView
from tests.integration.sockets import Site
from tests.integration.test_bell import (  # noqa: F401  fixtures
    MISSING,
    Broker,
    Heard,
    _server,
    batch,
    broker,
    hearing,
)
from tests.waiting import DEADLINE_S

pytestmark = [pytest.mark.valkey, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


async def echoed(*servers: str) -> dict[str, Echo]:
    """The echoes of these servers, as soon as they listen."""
    async with asyncio.timeout(DEADLINE_S):
        while not (echoes := await probe(servers)).keys() >= set(servers):  # noqa: ASYNC110  they are asked
            await asyncio.sleep(0.01)
        return echoes


async def listening(broker: Broker) -> None:  # noqa: F811
    """Until somebody listens to what concerns all rooms."""

    def count() -> int:
        with broker.client() as client:
            ((_, number),) = client.pubsub_numsub("roomline-test__group__rooms")
            return int(number)

    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(count):  # noqa: ASYNC110  the broker is asked
            await asyncio.sleep(0.01)


def serving(broker: Broker, check: Callable[[Heard], Awaitable[None]]) -> None:  # noqa: F811
    """Run the check beside a listener that is the server `web:1` and follows no room."""

    async def run() -> None:
        heard = Heard(broker)
        task = asyncio.create_task(heard.listener.run())
        try:
            heard.listener.serve("web:1")
            await listening(broker)
            await check(heard)
        finally:
            task.cancel()

    asyncio.run(run())


def test_a_server_in_whose_rooms_nobody_is_answers_with_the_way_and_its_clock(broker: Broker) -> None:  # noqa: F811
    async def check(heard: Heard) -> None:
        echoes = await echoed("web:1")
        assert list(echoes) == ["web:1"]
        assert 0 < echoes["web:1"].round_trip < DEADLINE_S
        assert abs(echoes["web:1"].ahead) < DEADLINE_S
        assert heard.listener.ignored == {}

    serving(broker, check)


@pytest.mark.slow
def test_a_reader_that_is_no_server_hears_probes_and_says_nothing(broker: Broker) -> None:  # noqa: F811
    async def check(heard: Heard) -> None:
        assert await probe(["web:1"]) == {}
        await Bell().ring([batch(0, 1)])
        assert await heard.ring() == batch(0, 1)
        assert heard.listener.ignored == {}

    hearing(broker, check)


def test_each_of_several_servers_answers(broker: Broker) -> None:  # noqa: F811
    async def check(heard: Heard) -> None:
        other = Heard(broker)
        task = asyncio.create_task(other.listener.run())
        other.listener.serve("web:2")
        assert sorted(await echoed("web:1", "web:2")) == ["web:1", "web:2"]
        task.cancel()

    serving(broker, check)


@pytest.mark.slow
def test_a_server_that_is_silent_does_not_hide_those_that_answer(broker: Broker) -> None:  # noqa: F811
    async def check(heard: Heard) -> None:
        assert list(await probe(["web:1", "dead:1"])) == ["web:1"]

    serving(broker, check)


@pytest.mark.parametrize(
    "foreign",
    [
        {"type": "roomline.probe"}, {"type": "roomline.probe", "reply": 5, "nonce": "x"},
        {"type": "roomline.probe", "reply": "", "nonce": "x"}, {"type": "roomline.probe", "reply": "c", "nonce": b"x"},
        {"type": "roomline.probe", "reply": "c", "nonce": "x" * 101}, {"type": "roomline.echo", "nonce": "x"},
    ],
)  # fmt: skip
def test_what_only_looks_like_a_probe_is_ignored_and_counted(
    broker: Broker,  # noqa: F811
    foreign: dict[str, object],
) -> None:
    async def check(heard: Heard) -> None:
        await channel_layer().group_send("rooms", foreign)
        assert await echoed("web:1")
        assert heard.listener.ignored == {"foreign": 1}

    serving(broker, check)


@pytest.mark.slow
def test_echoes_that_are_not_ours_count_for_nothing(broker: Broker) -> None:  # noqa: F811
    """Each is sent, as an answer to each probe, beside the true one."""

    async def check(heard: Heard) -> None:
        layer = channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("rooms", channel)

        async def lie() -> None:
            while True:
                asked = await layer.receive(channel)
                for lies in ({"nonce": "old"}, {"server": 5}, {"now": "noon"}, {"type": "chat.message"}):
                    true = {"type": "roomline.echo", "nonce": asked["nonce"], "server": "liar:1", "now": time.time()}
                    await layer.send(asked["reply"], true | lies)

        lying = asyncio.create_task(lie())
        try:
            assert list(await echoed("web:1")) == ["web:1"]
            assert list(await probe(["liar:1"])) == ["web:1"]
        finally:
            lying.cancel()

    serving(broker, check)


@pytest.mark.slow
def test_a_broker_that_hangs_ends_a_probe_with_an_error(broker: Broker) -> None:  # noqa: F811
    async def run() -> None:
        with pytest.raises((TimeoutError, RedisError)):
            await probe(["web:1"])

    with broker.client() as client:
        process = client.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        asyncio.run(run())
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.mark.django_db(transaction=True)
def test_a_server_s_clock_makes_it_answer_under_the_name_that_it_has_everywhere(
    broker: Broker,  # noqa: F811
    newbox: RoomView,
) -> None:
    async def run() -> None:
        async with Site() as site:
            clock = Clock(site.hub, site.credentials)
            clock.start()
            try:
                await listening(broker)
                (name,) = await echoed(f"{os.uname().nodename}:{os.getpid()}")
                assert name.endswith(f":{os.getpid()}")
            finally:
                await clock.close()

    asyncio.run(run())
