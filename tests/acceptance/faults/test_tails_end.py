"""A `chat_tail` whose reader, user or terminal goes away ends as a shell expects, and the next one goes on there."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault("F20")]

#: Becomes the command in the first argument, as the leader of the terminal on its streams: closed, it tells him.
ON_ITS_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite() as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


def send(site: ChatSite, *texts: str) -> None:
    done = site.manage("chat_send", "-q", "newbox", "--lines", input="\n".join(texts))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_that_has_enough_ends_it_in_peace(site: ChatSite, tmp_path: Path) -> None:
    send(site, "one", "two", "three")
    code = tmp_path / "code"
    tail = " ".join(site.command("chat_tail", "newbox", "-n", "all"))
    pipe = subprocess.Popen(
        ["/bin/sh", "-c", f"{{ {tail}; echo $? >'{code}'; }} | head -1"],
        env=site.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
    assert pipe.stdout is not None
    assert "one" in pipe.stdout.readline()
    send(site, "four", "five")  # it writes, and finds that nobody reads
    _, talk = pipe.communicate(timeout=DEADLINE_S)
    assert (talk, code.read_text()) == ("", "0\n")


def next_tail(site: ChatSite, cursor: Path) -> list[int]:
    """The numbers that another one with the same cursor shows."""
    done = site.manage("chat_tail", "newbox", "--cursor-file", str(cursor), "--no-follow", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line)["seq"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_by_that_signal_and_the_next_one_goes_on_at_the_next_number(
    site: ChatSite, tmp_path: Path, number: signal.Signals
) -> None:
    cursor, seen = tmp_path / "cursor", list[str]()
    tail = site.popen("chat_tail", "newbox", "-n", "all", "--cursor-file", str(cursor), "--json")
    assert tail.stdout is not None
    reading = threading.Thread(target=seen.extend, args=[tail.stdout])
    reading.start()
    send(site, *(f"message {count}" for count in range(1, 31)))
    wait_until(lambda: len(seen) >= 10, "some messages")
    tail.send_signal(number)
    assert tail.wait(DEADLINE_S) == -number
    reading.join()
    assert tail.stderr is not None
    assert tail.stderr.read() == ""
    shown = [json.loads(line)["seq"] for line in seen]
    assert shown + next_tail(site, cursor) == list(range(1, 31))


def test_a_terminal_that_is_closed_ends_it_and_nothing_is_missed(site: ChatSite, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    ours, theirs = pty.openpty()
    tail = subprocess.Popen(
        [sys.executable, "-c", ON_ITS_TERMINAL, *site.command("chat_tail", "newbox", "--cursor-file", str(cursor))],
        stdin=theirs, stdout=theirs, stderr=theirs, env=site.env, cwd="/",
    )  # fmt: skip
    os.close(theirs)
    send(site, "one", "two")
    shown = b""
    while b"two" not in shown:
        shown += os.read(ours, 65536)
    os.close(ours)
    assert tail.wait(DEADLINE_S) == -signal.SIGHUP
    send(site, "three")
    assert next_tail(site, cursor) in ([3], [2, 3], [1, 2, 3])
