"""A room's socket as a tail elsewhere has it, against servers that say too much, nothing, or nonsense."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from chatcli.remote import line
from chatcli.remote.connection import Server, parsed
from chatcli.remote.errors import Unreachable
from chatcli.remote.line import Ears, Line, connected
from tests.unit.test_remote_logs import message
from tests.waiting import DEADLINE_S

Speech = Callable[[ServerConnection], Awaitable[None]]


def frame(rev: int, text: str = "hello") -> str:
    return json.dumps(message(rev, text), separators=(",", ":"))


def opened(**more: Any) -> str:
    return json.dumps({"type": "open", "room": "newbox", "epoch": "e1", "head": 0, **more})


@asynccontextmanager
async def served(speech: Speech) -> AsyncIterator[Server]:
    """A server that says this on each socket, after the client's hello."""

    async def handle(there: ServerConnection) -> None:
        assert json.loads(await there.recv())["type"] == "hello"
        await speech(there)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield parsed(f"http://127.0.0.1:{port}")._replace(token="rl_secret")


async def heard(speech: Speech, check: Callable[[Line], Awaitable[None]], ears: Ears | None = None) -> None:
    """Let a line be opened, checked and closed."""
    ears = ears or Ears(lambda: None, lambda name: None, None)
    async with asyncio.timeout(DEADLINE_S), served(speech) as server:
        found = await connected(server, "newbox", 0, None, "e1", ears)
        try:
            await check(found)
        finally:
            await found.close()


def saying(*frames: str | bytes, stay: bool = False) -> Speech:
    async def speech(there: ServerConnection) -> None:
        for said in frames:
            await there.send(said)
        if stay:
            await there.wait_closed()

    return speech


def test_events_in_a_row_come_together_and_repeats_do_not_come() -> None:
    async def check(found: Line) -> None:
        revs: list[int] = []
        while (run := await found.next(len(revs))) is not None:
            assert run.prev == len(revs)
            revs += [json.loads(payload)["rev"] for payload in run.payloads]
        assert revs == [1, 2, 3, 4]
        assert found.over

    asyncio.run(heard(saying(opened(), *map(frame, (1, 2, 1, 2, 3, 4))), check))


def test_an_event_tells_the_rooms_name() -> None:
    """What becomes of a room is told to those who are there only every few seconds."""
    names: list[str] = []

    async def check(found: Line) -> None:
        assert await found.next(0) is not None

    asyncio.run(heard(saying(opened(), frame(1)), check, Ears(lambda: None, names.append, None)))
    assert names == ["newbox", "Straße"]


def test_a_hole_is_for_the_log() -> None:
    async def check(found: Line) -> None:
        run = await found.next(0)
        assert run is not None
        assert run.head == 1
        assert await found.next(1) is None
        assert not found.over
        run = await found.next(2)
        assert run is not None
        assert run.head == 3

    asyncio.run(heard(saying(opened(), frame(1), frame(3), stay=True), check))


def test_what_is_too_much_is_forgotten_oldest_first() -> None:
    frames = [frame(rev, "x" * 3000) for rev in range(1, 1001)]

    async def check(found: Line) -> None:
        await asyncio.wait({found._reading}, timeout=DEADLINE_S)
        assert found.over
        assert await found.next(0) is None
        assert sum(len(payload) for _, payload in found._frames) <= 1_048_576
        run = await found.next(found._frames[0][0] - 1)
        assert run is not None
        assert run.head >= 800

    asyncio.run(heard(saying(opened(), *frames), check))


NONSENSE: dict[str, str | bytes] = {
    "no JSON": "hello",
    "no object": "[1]",
    "not UTF-8": b"\xff\xfe",
    "nested without an end": "[" * 50_000,
    "half a message": '{"type":"message","room":"newbox"}',
    "a type that is no word": '{"type":5}',
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_ends_it_with_a_reason(name: str) -> None:
    async def check(found: Line) -> None:
        assert await found.next(0) is None
        assert found.over
        assert "chat" in found.reason

    asyncio.run(heard(saying(opened(), NONSENSE[name], stay=True), check))


def test_what_is_no_event_is_told_or_passed_over() -> None:
    told: list[str] = []
    ears = Ears(lambda: told.append("opened"), told.append, lambda payload: told.append(payload.decode()))
    typing = '{"type":"typing","room":"newbox","username":"a","author":{"type":"user","id":"1","name":"a"}}'
    renamed = '{"type":"room","room":"new"}'

    async def check(found: Line) -> None:
        assert await found.next(0) is None
        assert told == ["newbox", "opened", typing, "new"]

    asyncio.run(heard(saying(opened(), '{"type":"presence","x":1}', '{"type":"later"}', typing, renamed), check, ears))


@pytest.mark.parametrize("said", [opened(epoch="e2"), '{"type":"gap","room":"newbox","reason":"limit"}'])
def test_another_history_or_a_gap_is_for_the_log(said: str) -> None:
    async def check(found: Line) -> None:
        assert await found.next(0) is None
        assert (found.over, found.code) == (True, line.LAGGING)

    asyncio.run(heard(saying(said, stay=True), check))


def test_a_refusal_and_a_close_say_why() -> None:
    async def refuse(there: ServerConnection) -> None:
        await there.send('{"type":"error","code":"not_signed_in","detail":"token probe was revoked"}')
        await there.close(4401)

    async def check(found: Line) -> None:
        assert await found.next(0) is None
        assert (found.code, found.reason) == ("not_signed_in", "token probe was revoked")

    asyncio.run(heard(refuse, check))

    async def restart(there: ServerConnection) -> None:
        await there.close(1012, "restart")

    async def check_restart(found: Line) -> None:
        assert await found.next(0) is None
        assert (found.code, found.reason) == (1012, "restart")

    asyncio.run(heard(restart, check_restart))


def test_who_is_turned_away_before_a_word_hears_why() -> None:
    async def turn_away(there: ServerConnection) -> None:
        await there.send('{"type":"error","code":"too_many_sockets","detail":"close some"}')
        await there.close(4029)

    async def check() -> None:
        async with serve(turn_away, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            for _ in range(20):  # the hello comes sometimes before the end, and sometimes after it
                ears = Ears(lambda: None, lambda name: None, None)
                found = await connected(_server(port), "newbox", 0, None, "e1", ears)
                assert await found.next(0) is None
                assert (found.code, found.reason) == (line.TOO_MANY, "close some")
                await found.close()

    asyncio.run(check())


def test_a_server_that_says_nothing_is_asked_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_SILENCE", 0.05)
    monkeypatch.setattr(line, "_PATIENCE", 0.05)
    asked: list[str | bytes] = []

    async def silent(there: ServerConnection) -> None:
        async for said in there:
            asked.append(said)

    async def check(found: Line) -> None:
        assert await found.next(0) is None
        assert (found.code, found.reason) == (None, "the server says nothing any more")

    asyncio.run(heard(silent, check))
    assert asked[0] == '{"type":"ping"}'


def test_a_redirect_is_not_followed_with_the_token() -> None:
    seen: list[str] = []

    async def check() -> None:
        async def elsewhere(there: ServerConnection, request: Request) -> Response | None:
            seen.append(request.path)
            return None

        async with serve(saying(), "127.0.0.1", 0, process_request=elsewhere) as other:
            target = f"ws://127.0.0.1:{next(iter(other.sockets)).getsockname()[1]}/ws/chat/newbox/"

            def redirect(there: ServerConnection, request: Request) -> Response:
                answer = there.respond(302, "")
                answer.headers["Location"] = target
                return answer

            async with serve(saying(), "127.0.0.1", 0, process_request=redirect) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                with pytest.raises(Unreachable, match="302"):
                    await connected(_server(port), "newbox", 0, None, "e1", Ears(lambda: None, lambda name: None, None))

    asyncio.run(check())
    assert seen == []


def test_where_nobody_listens_is_told() -> None:
    async def check() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            ears = Ears(lambda: None, lambda name: None, None)
            with pytest.raises(Unreachable):
                await connected(_server(unused.getsockname()[1]), "newbox", 0, None, "e1", ears)

    asyncio.run(check())


def _server(port: int) -> Server:
    return parsed(f"http://127.0.0.1:{port}")._replace(token="rl_secret")
