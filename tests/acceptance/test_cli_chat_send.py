"""`chat_send` with many lines, as shells use it: streams, kills, pipes, a server that runs."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.clients import Reader, in_the_log
from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.waiting import DEADLINE_S, wait_until


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server; each test has a room of its own."""
    site = ChatSite()
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        yield site
    finally:
        site.close()


def lines_into(site: ChatSite, *arguments: str) -> "subprocess.Popen[bytes]":
    """`chat_send` with pipes on all streams."""
    return subprocess.Popen(
        site.command("chat_send", *arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=site.env, cwd="/", bufsize=0,
    )  # fmt: skip


def write(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)


def texts(site: ChatSite, room: str) -> list[str]:
    return [message["message"] for message in in_the_log(site, room)]


def numbers(first: int, last: int) -> bytes:
    return "".join(f"{number}\n" for number in range(first, last + 1)).encode()


@pytest.mark.slow
def test_lines_reach_open_pages_as_they_arrive_and_a_signal_leaves_what_was_sent(shared_site: ChatSite) -> None:
    site = shared_site
    site.manage("create_room", "live")
    (cookie,) = site.sign_in("reader")

    async def scenario() -> None:
        async with Reader(site, "live", cookie) as reader:
            for number, ending in ((1, signal.SIGINT), (2, signal.SIGTERM)):
                process = lines_into(site, "live", "--lines")
                write(process, b"first\nsec")
                await reader.until_seen(2 * number - 1)
                write(process, b"ond\nnever compl")
                await reader.until_seen(2 * number)
                process.send_signal(ending)
                out, err = await asyncio.to_thread(process.communicate)
                assert (process.returncode, out, err) == (-ending, b"", b"")
            assert [text for text, _ in reader.view.messages.values()] == ["first", "second"] * 2

    asyncio.run(scenario())
    assert texts(site, "live") == ["first", "second"] * 2


def test_a_run_that_was_killed_and_is_run_again_with_its_key_sends_every_line_once(site: ChatSite) -> None:
    command = ["load", "--create", "--lines", "--key", "load"]
    process = lines_into(site, *command)
    write(process, numbers(1, 400))
    wait_until(lambda: site.manage("chat_tail", "load", "--no-follow", "-n1", "-q").returncode == 0, "the room")
    wait_until(lambda: len(texts(site, "load")) > 0, "a part of the lines")
    process.kill()
    process.communicate()
    done = site.manage("chat_send", *command, input=numbers(1, 1000))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("load #1..#1000 (")
    assert texts(site, "load") == [str(number) for number in range(1, 1001)]


@pytest.mark.slow
def test_what_chat_tail_prints_can_be_sent_again(site: ChatSite) -> None:
    script = """
    $M chat_send -q source --create --title T -p high 'two
lines' && $M chat_send -q source --slot s kept && $M create_room -q copy &&
    $M chat_tail source --no-follow -n all --json | $M chat_send copy --jsonl"""
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={**site.env, "M": " ".join(site.command())}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"copy #1..#2 (2 sent)\n", b"")

    def content(message: dict[str, Any]) -> list[Any]:
        return [message[key] for key in ("message", "title", "priority", "slot", "kind")]

    assert list(map(content, in_the_log(site, "copy"))) == list(map(content, in_the_log(site, "source")))


def test_a_reader_that_goes_away_does_not_keep_lines_from_being_sent(site: ChatSite) -> None:
    process = lines_into(site, "gone", "--create", "--lines", "--json")
    write(process, b"1\n")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["message"]["message"] == "1"
    process.stdout.close()
    write(process, numbers(2, 1000))
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(DEADLINE_S) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert len(texts(site, "gone")) == 1000


@pytest.mark.parametrize("source", ["--lines", "--jsonl"])
def test_a_terminal_is_no_source_of_lines(site: ChatSite, source: str) -> None:
    code, output = on_terminal([*site.command("chat_send", "terminal", "--create", source)], site.env)
    assert (code, "pipe it in" in output) == (2, True)
