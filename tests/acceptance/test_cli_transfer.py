"""`chat_rooms export` and `import` in real processes: a pipe between two sites, signals, open sockets."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.clients import Reader
from tests.acceptance.contents import answers
from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.waiting import DEADLINE_S, wait_until

#: Runs what its arguments say; its last line on stderr is the largest memory of that in MiB.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(most // (1024 if sys.platform == "linux" else 2**20), file=sys.stderr)
sys.exit(code)
"""


def data_alone() -> Iterator[ChatSite]:
    """A site's data; no server runs."""
    site = ChatSite()
    try:
        done = site.manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


site = pytest.fixture(data_alone)
other = pytest.fixture(data_alone)


def room_lines(count: int, room: str = "newbox", people: int = 100) -> str:
    """An export of a room with so many messages by so many people."""
    lines = [json.dumps({"type": "room", "name": room, "last_seq": count})]
    message: dict[str, Any] = {"type": "message", "room": room, "source": "web", "created_at": "2026-11-22T06:15:02Z"}
    for seq in range(1, count + 1):
        name = f"user{seq % people}"
        author = {"type": "user", "name": name}
        own = {"seq": seq, "message": f"Grüße {seq} " + "x" * (seq % 200), "username": name, "author": author}
        rare = {"title": "T", "tags": ["a"], "format": "markdown"} if seq % 20 == 0 else {}
        lines.append(json.dumps({**message, **own, **rare}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


#: What was being imported was begun long ago.
LONG_AGO = """
from chatcore.models import Room
Room.unfinished.update(archived_at="2026-01-01T00:00:00Z")
"""


def counted(site: ChatSite) -> dict[str, int]:
    """How many rows the tables have, whoever may see them."""
    tables = {"rooms": "chatcore_room", "messages": "chatcore_message", "accounts": "auth_user"}
    found = answers(site, *(f"SELECT COUNT(*) FROM {table}" for table in tables.values()))
    return dict(zip(tables, (rows[0][0] for rows in found), strict=True))


def importing(site: ChatSite, path: Path) -> "subprocess.Popen[str]":
    """An import that is under way: some of its messages are stored."""
    process = site.popen("chat_rooms", "import", str(path), "--create-users")
    wait_until(lambda: process.poll() is not None or counted(site)["messages"] >= 1000, "the first batches")
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.slow
def test_a_room_goes_through_a_pipe_from_one_site_to_another_and_is_the_same_there(
    site: ChatSite, other: ChatSite
) -> None:
    first = site.manage("chat_rooms", "import", "-", "--create-users", input=room_lines(600, people=9))
    assert first.stdout == "Imported room newbox #1..#600 (600 messages, 9 accounts made)\n", first.stderr
    out = subprocess.Popen(site.command("chat_rooms", "export", "newbox"), stdout=subprocess.PIPE, env=site.env)
    done = subprocess.run(
        other.command("chat_rooms", "import", "-", "--create-users"), stdin=out.stdout, env=other.env, check=False
    )
    assert (out.wait(DEADLINE_S), done.returncode) == (0, 0)
    assert other.manage("chat_rooms", "export", "newbox").stdout == site.manage("chat_rooms", "export", "newbox").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_an_import_that_a_signal_ends_leaves_nothing_and_dies_of_it(
    site: ChatSite, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "newbox.jsonl"
    path.write_text(room_lines(20_000))
    process = importing(site, path)
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out, err) == (-number, "", "")
    assert counted(site) == {"rooms": 0, "messages": 0, "accounts": 0}


@pytest.mark.slow
def test_what_a_killed_import_leaves_is_seen_by_nobody_and_taken_away_later(site: ChatSite, tmp_path: Path) -> None:
    path = tmp_path / "newbox.jsonl"
    path.write_text(room_lines(20_000))
    process = importing(site, path)
    process.kill()
    process.communicate()
    left = counted(site)
    assert left["rooms"] == 1
    assert 0 < left["messages"] < 20_000
    for line in (["chat_rooms", "list", "--archived", "-q"], ["chat_rooms", "list", "--json"]):
        assert site.manage(*line).stdout == ""
    assert site.manage("chat_tail", "--all", "--no-follow", "-n", "all").stdout == ""
    assert site.manage("chat_rooms", "show", "newbox").returncode == 3
    path.write_text(room_lines(10, "small"))
    assert site.manage("chat_rooms", "import", str(path)).returncode == 0
    assert counted(site)["messages"] == left["messages"] + 10  # it may live still
    assert site.manage("shell", "-v0", "-c", LONG_AGO).returncode == 0
    path.write_text(room_lines(10, "other"))
    assert site.manage("chat_rooms", "import", str(path)).returncode == 0
    assert {**counted(site), "accounts": 0} == {"rooms": 2, "messages": 20, "accounts": 0}


@pytest.mark.slow
def test_sockets_of_an_empty_room_come_back_to_what_was_imported(chat_site: ChatSite) -> None:
    (cookie,) = chat_site.sign_in("alice")
    assert chat_site.manage("create_room", "newbox").returncode == 0

    async def scenario() -> None:
        async with Reader(chat_site, "newbox", cookie) as reader:
            loop = asyncio.get_running_loop()
            lines = room_lines(1200)
            arguments = ("chat_rooms", "import", "-", "--create-users")
            done = await loop.run_in_executor(None, lambda: chat_site.manage(*arguments, input=lines))
            assert done.returncode == 0, done.stderr
            await reader.until(lambda: reader.closed is not None, "the end of the old room")
            assert reader.closed in (4008, 4404)
            assert reader.view.messages == {}
            await reader.connect()
            await reader.until_seen(50)
            assert max(reader.view.messages) == 1200
            await reader.send({"type": "send", "client_id": "c1", "message": "hello"})
            await reader.until(lambda: 1201 in reader.view.messages, "one's own message")

    asyncio.run(scenario())


@pytest.mark.slow
def test_a_hundred_thousand_messages_are_the_same_after_a_move(
    site: ChatSite, other: ChatSite, tmp_path: Path, record_property: Any
) -> None:
    source, first, second = (tmp_path / f"{name}.jsonl" for name in ("source", "first", "second"))
    source.write_text(room_lines(100_000, people=1000))

    def measured(where: ChatSite, *arguments: str, to: Path = Path(os.devnull)) -> None:
        began = time.monotonic()
        with to.open("wb") as out:
            command = [sys.executable, "-c", MEASURED, *where.command("chat_rooms", *arguments)]
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, env=where.env, check=False)
        assert done.returncode == 0, done.stderr
        figures = f"{arguments[0]}: {time.monotonic() - began:.1f} s, {done.stderr.strip()} MiB"
        record_property(arguments[0], figures)
        assert int(done.stderr) < 200  # it streams: the file has 40 MB, the messages as objects many more

    measured(site, "import", str(source), "--create-users")
    measured(site, "export", "newbox", to=first)
    measured(other, "import", str(first), "--create-users")
    measured(other, "export", "newbox", to=second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().count(b"\n") == 100_001


@pytest.mark.slow
def test_on_a_terminal_a_bar_tells_how_far_an_import_is(site: ChatSite, tmp_path: Path) -> None:
    path = tmp_path / "newbox.jsonl"
    path.write_text(room_lines(3000))
    env = {**site.env, "TERM": "xterm-256color"}
    code, seen = on_terminal(site.command("chat_rooms", "import", str(path), "--create-users"), env)
    assert code == 0, seen
    assert re.search(r"messages .* 500/3000", seen)
    assert seen.endswith("Imported room newbox #1..#3000 (3,000 messages, 100 accounts made)\n")
    code, seen = on_terminal(site.command("chat_rooms", "import", "-"), env)
    assert (code, seen) == (2, "CommandError: standard input is the terminal: name the file, or pipe it in\n")
