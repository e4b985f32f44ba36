"""A backup that is brought back, by `chat_restore` or as a bare copy of the file, under readers who knew more.

Nobody mixes what he knew with what is there, and everybody is told.
"""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.clients import ANOTHER_HISTORY, Reader, in_the_log
from tests.acceptance.invariants import Ledger
from tests.acceptance.site import ChatSite
from tests.acceptance.test_cli_tail_restarts import Tail
from tests.waiting import wait_until

pytestmark = [pytest.mark.fault("F14"), pytest.mark.sqlite("its file is saved and put back")]


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite() as site:
        assert site.manage("create_room", "newbox", "-q").returncode == 0
        yield site


def ran(site: ChatSite, *arguments: str) -> str:
    done = site.manage(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(site: ChatSite, *texts: str) -> None:
    done = site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(texts))
    assert done.returncode == 0, done.stderr


def replace_by(copy: Path, site: ChatSite) -> None:
    """Put the bare copy there, as `mv` does; the parts of the old one go with it."""
    database = site.var_dir / "chat.sqlite3"
    fresh = database.with_name("copied")
    shutil.copy(copy, fresh)
    for part in ("-wal", "-shm"):
        Path(f"{database}{part}").unlink(missing_ok=True)
    fresh.replace(database)


def told(tail: Tail) -> list[str]:
    """What the tail printed: texts, and the reasons of gaps."""
    return [found.get("message", found.get("reason")) for found in map(json.loads, list(tail.lines))]


def with_a_reader(site: ChatSite, scenario: Callable[[Reader], Awaitable[None]]) -> None:
    (cookie,) = site.sign_in("alice")

    async def run() -> None:
        reader = Reader(site, "newbox", cookie)
        async with reader:
            await scenario(reader)
            Ledger([reader.view]).check(site)

    asyncio.run(run())


async def comes_back_to(reader: Reader, *texts: str) -> None:
    """It connects again, is told of another history, and has what is there and nothing else."""
    gaps = len(reader.view.gaps)
    await reader.disconnect()
    await reader.connect()
    await reader.until(lambda: len(reader.view.gaps) > gaps, "word of another history")
    await reader.until(lambda: len(reader.view.messages) >= len(texts), f"{texts}")
    assert [text for text, _ in reader.view.messages.values()] == list(texts)
    assert len(reader.view.gaps) == gaps + 1
    assert reader.view.gaps[-1] in ANOTHER_HISTORY


@pytest.mark.slow
def test_a_backup_made_under_load_is_restored_and_everybody_is_told(site: ChatSite, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"

    async def scenario(reader: Reader) -> None:
        sending = [asyncio.to_thread(post, site, *(f"{writer} {n}" for n in range(40))) for writer in "ab"]
        load = asyncio.gather(*sending)
        await reader.until_seen(5)
        report = json.loads(await asyncio.to_thread(ran, site, "chat_backup", str(copy), "--json"))
        await load
        await reader.until_seen(80)
        saved = report["messages"]
        assert 5 <= saved <= 80
        assert await asyncio.to_thread(site.stop) == 0
        refused = site.manage("chat_restore", str(copy))
        assert (refused.returncode, refused.stdout) == (2, "")
        ran(site, "chat_restore", "--no-input", str(copy))
        log = in_the_log(site, "newbox")
        assert [message["seq"] for message in log] == list(range(1, saved + 1))
        post(site, *(f"new {n}" for n in range(90)))  # past what the reader knows
        await asyncio.to_thread(site.start)
        texts = [message["message"] for message in in_the_log(site, "newbox")]
        await comes_back_to(reader, *texts[-50:])
        assert reader.view.gaps == ["epoch"]

    tail = Tail(site)
    try:
        with_a_reader(site, scenario)
        log = [message["message"] for message in in_the_log(site, "newbox")]
        wait_until(lambda: told(tail)[-len(log) :] == log, "the tail's end")
        known = told(tail)
        assert known[80:] == ["epoch", *log]
    finally:
        tail.stop()


@pytest.mark.slow
def test_a_server_that_runs_is_not_overwritten(site: ChatSite, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    ran(site, "chat_backup", "-q", str(copy))
    refused = site.manage("chat_restore", "--no-input", str(copy))
    assert site.process is not None
    assert (refused.returncode, refused.stdout) == (4, "")
    assert f"pid {site.process.pid}" in refused.stderr
    assert site.url in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("later", [1, 3, 9], ids=["behind the cursor", "at the cursor", "past the cursor"])
def test_a_bare_copy_put_there_while_the_server_was_stopped(site: ChatSite, tmp_path: Path, later: int) -> None:
    copy = tmp_path / "copy.sqlite3"

    async def scenario(reader: Reader) -> None:
        post(site, "one", "two")
        ran(site, "chat_backup", "-q", str(copy))
        post(site, "three", "four", "five")
        await reader.until_seen(5)
        await asyncio.to_thread(site.stop)
        replace_by(copy, site)
        new = [f"new {number}" for number in range(later)]
        post(site, *new)
        await asyncio.to_thread(site.start)
        await comes_back_to(reader, "one", "two", *new)

    tail = Tail(site)
    try:
        with_a_reader(site, scenario)
        new = [f"new {number}" for number in range(later)]
        wait_until(lambda: told(tail)[-later:] == new, f"the tail's end, there is {told(tail)}")
        before, gap, *after = told(tail)[:5], *told(tail)[5:]
        assert before == ["one", "two", "three", "four", "five"]
        assert gap in ANOTHER_HISTORY
        assert after in (["one", "two", *new], new)
    finally:
        tail.stop()


@pytest.mark.slow
@pytest.mark.parametrize("later", [1, 3, 9], ids=["behind the cursor", "at the cursor", "past the cursor"])
def test_a_bare_copy_put_there_while_the_server_runs(site: ChatSite, tmp_path: Path, later: int) -> None:
    """In one step, with events in it that have the numbers of those which the reader knows."""
    elsewhere = tmp_path / "chat.sqlite3"
    new = [f"new {number}" for number in range(later)]

    async def scenario(reader: Reader) -> None:
        post(site, "one", "two")
        ran(site, "chat_backup", "-q", str(elsewhere))
        post(site, "three", "four", "five")
        await reader.until_seen(5)
        done = site.manage(
            "chat_send", "-q", "newbox", "--lines", input="\n".join(new), env={"CHAT_VAR_DIR": str(tmp_path)}
        )
        assert done.returncode == 0, done.stderr
        replace_by(elsewhere, site)
        await reader.until(lambda: reader.closed is not None, "the server's word that it must come back")
        assert reader.closed == 4008
        assert reader.view.posted == [1, 2, 3, 4, 5]
        await comes_back_to(reader, "one", "two", *new)
        post(site, "the last one")
        await reader.until(lambda: (3 + later) in reader.view.messages, "what is live")

    tail = Tail(site)
    try:
        with_a_reader(site, scenario)
        log = ["one", "two", *new, "the last one"]
        wait_until(lambda: told(tail)[-1:] == log[-1:], f"the tail's end, there is {told(tail)}")
        assert told(tail)[:5] == ["one", "two", "three", "four", "five"]
        assert told(tail)[5] in ANOTHER_HISTORY
        assert told(tail)[6:] == log[-len(told(tail)[6:]) :]
    finally:
        tail.stop()
