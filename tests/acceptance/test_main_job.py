"""The main job on the real thing: commands in processes of their own speak into rooms that people have open."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.acceptance.clients import Reader, in_the_log
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_RATE": "off"}) as site:
        yield site


@pytest.fixture(scope="module")
def cookies(site: ChatSite) -> list[str]:
    return site.sign_in("alice", "bob")


async def run(site: ChatSite, *arguments: str) -> tuple[int | None, str, str]:
    """A command as a process of its own, without holding up the readers of this test."""
    process = await asyncio.create_subprocess_exec(
        *site.command(*arguments),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=site.env, cwd="/",
    )  # fmt: skip
    stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


def test_a_command_in_another_process_reaches_open_sockets_and_a_tail(site: ChatSite, cookies: list[str]) -> None:
    room = "announce"
    assert site.manage("create_room", room).stdout == f"Created room {room}\n"
    tail = site.popen("chat_tail", room, "-n", "all", "--json", "--count", "2", "--timeout", f"{DEADLINE_S:g}")

    async def scenario() -> None:
        async with Reader(site, room, cookies[0]) as alice, Reader(site, room, cookies[1]) as bob:
            assert await run(site, "chat_send", room, "hello") == (0, f"{room} #1\n", "")
            for reader in (alice, bob):
                await reader.until_seen(1)
                assert reader.view.messages == {1: ("hello", False)}
            assert await run(site, "chat_send", "-q", room, "--", "-hello again") == (0, "", "")
            for reader in (alice, bob):
                await reader.until_seen(2)

    asyncio.run(scenario())
    stdout, stderr = tail.communicate(timeout=DEADLINE_S)
    assert (tail.returncode, stderr) == (0, "")
    assert [json.loads(line)["message"] for line in stdout.splitlines()] == ["hello", "-hello again"]


def test_people_in_the_browser_and_a_tail_see_the_same(site: ChatSite, cookies: list[str]) -> None:
    room = "people"
    site.manage("create_room", room)

    async def scenario() -> list[tuple[int, str]]:
        async with Reader(site, room, cookies[0]) as alice, Reader(site, room, cookies[1]) as bob:
            for number in range(20):
                sender = (alice, bob)[number % 2]
                await sender.send({"type": "send", "message": f"line {number}", "client_id": f"c{number}"})
            await alice.send({"type": "send", "message": "line 0", "client_id": "c0"})  # a retry
            for reader in (alice, bob):
                await reader.until_seen(20)
            await alice.until(lambda: len(alice.replies) == 11, "an answer to each of alice's frames")
            assert [reply["type"] for reply in alice.replies] == ["sent"] * 11
            assert [reply["duplicate"] for reply in alice.replies] == [False] * 10 + [True]
            assert alice.view.messages == bob.view.messages
            return [(seq, text) for seq, (text, _) in alice.view.messages.items()]

    seen = asyncio.run(scenario())
    assert [(event["seq"], event["message"]) for event in in_the_log(site, room)] == seen
    assert [seq for seq, _ in seen] == list(range(1, 21))


@pytest.mark.slow
def test_many_commands_at_once_give_numbers_without_a_hole(site: ChatSite, cookies: list[str]) -> None:
    room, crowd = "crowd", 50 if SOAK > 1 else 15
    site.manage("create_room", room)

    async def scenario() -> None:
        async with Reader(site, room, cookies[0]) as reader:
            done = await asyncio.gather(*(run(site, "chat_send", room, f"from {number}") for number in range(crowd)))
            assert {(code, stderr) for code, _, stderr in done} == {(0, "")}
            assert sorted(int(stdout.split("#")[1]) for _, stdout, _ in done) == list(range(1, crowd + 1))
            await reader.until_seen(crowd)
            assert reader.view.posted == list(range(1, crowd + 1))
            assert {text for text, _ in reader.view.messages.values()} == {f"from {number}" for number in range(crowd)}

    asyncio.run(scenario())


def test_a_plain_and_a_full_client_see_the_same_messages(site: ChatSite, cookies: list[str]) -> None:
    room = "mixed"
    site.manage("create_room", room)

    async def scenario() -> None:
        plain_seen = []
        async with (
            Reader(site, room, cookies[0]) as full,
            connect(site.ws_url(room), additional_headers={"Cookie": cookies[1]}) as plain,
        ):
            await plain.send(json.dumps({"message": "hi from the tutorial", "username": "somebody else"}))
            plain_seen.append(json.loads(await plain.recv()))
            await full.send({"type": "send", "message": "hi from the page", "client_id": "f"})
            await full.until_seen(2)
            await full.send({"type": "edit", "seq": 2, "message": "edited"})
            await full.until(lambda: full.view.messages[2] == ("edited", False), "the edit")
            await run(site, "chat_send", room, "hi from a command")
            plain_seen += [json.loads(await plain.recv()) for _ in range(2)]
            await full.until_seen(3)
            await plain.send("this is not JSON")
            error = json.loads(await plain.recv())
        assert [(event["message"], event["username"]) for event in plain_seen] == [
            ("hi from the tutorial", "bob"),
            ("hi from the page", "alice"),
            ("hi from a command", "system"),
        ]
        assert [event["seq"] for event in plain_seen] == full.view.posted
        assert (error["type"], error["code"]) == ("error", "bad_json")
        assert error["message"]
        assert error["username"]

    asyncio.run(scenario())


async def refusal(site: ChatSite, room: str, cookie: str | None) -> tuple[str, int | None]:
    """The code of the error frame and the close code with which a socket is turned away."""
    headers = {"Cookie": cookie} if cookie else {}
    async with connect(site.ws_url(room), additional_headers=headers) as socket:
        frame = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return frame["code"], socket.close_code


def test_sockets_that_may_not_enter_are_told_why(site: ChatSite, cookies: list[str]) -> None:
    site.manage("create_room", "open")
    site.manage("create_room", "secret", "--private", "--member", "alice")
    assert asyncio.run(refusal(site, "open", None)) == ("not_signed_in", 4401)
    assert asyncio.run(refusal(site, "nowhere", cookies[0])) == ("not_found", 4404)
    assert asyncio.run(refusal(site, "secret", cookies[1])) == ("not_found", 4404)

    async def member() -> None:
        async with Reader(site, "secret", cookies[0]) as alice:
            assert alice.view.epoch

    asyncio.run(member())


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
)
def test_a_page_of_another_site_cannot_open_a_socket(site: ChatSite, cookies: list[str], origin: str) -> None:
    site.manage("create_room", "open", "--if-not-exists")

    async def scenario() -> None:
        headers = {"Cookie": cookies[0], "Origin": origin}
        with pytest.raises(InvalidStatus) as refused:
            await connect(site.ws_url("open"), additional_headers=headers)
        assert refused.value.response.status_code == 403
        async with connect(site.ws_url("open"), additional_headers={**headers, "Origin": site.url.rstrip("/")}):
            pass

    asyncio.run(scenario())


def test_commands_work_with_no_server_running() -> None:
    with ChatSite() as site:
        site.manage("create_room", "alone")
        site.stop()
        assert site.manage("chat_send", "alone", "nobody is there").stdout == "alone #1\n"
        sent = json.loads(site.manage("chat_send", "alone", "--json", "still nobody").stdout)
        assert (sent["status"], sent["live"], sent["message"]["seq"]) == ("sent", "none", 2)
        tail = site.popen("chat_tail", "alone", "--json", "--count", "3", "--timeout", f"{DEADLINE_S:g}")
        site.manage("chat_send", "alone", "a tail is")
        stdout, stderr = tail.communicate(timeout=DEADLINE_S)
        assert (tail.returncode, stderr) == (0, "")
        assert [json.loads(line)["seq"] for line in stdout.splitlines()] == [1, 2, 3]
