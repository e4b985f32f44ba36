"""`chat_tail` goes on through restarts of all that it depends on: nothing is lost, nothing comes twice."""

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, SOAK, wait_until

#: Seconds for which the database is locked.
LOCKED_S = 10.0 if SOAK > 1 else 1.5
#: What lies beside a database as a part of it.
PARTS = ("-wal", "-shm")


@pytest.fixture
def site() -> Iterator[ChatSite]:
    """Data with the room newbox; no server runs yet."""
    site = ChatSite()
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        assert site.manage("create_room", "newbox", "-q").returncode == 0
        yield site
    finally:
        site.close()


class Tail:
    """A `chat_tail` that runs, and what it has printed."""

    def __init__(self, site: ChatSite, *arguments: str) -> None:
        self.process: subprocess.Popen[str] = site.popen("chat_tail", "newbox", "-n", "all", "--json", *arguments)
        self.lines: list[str] = []
        self.talk: list[str] = []
        for stream, lines in ((self.process.stdout, self.lines), (self.process.stderr, self.talk)):
            threading.Thread(target=lambda s=stream, kept=lines: kept.extend(s), daemon=True).start()

    def texts(self) -> list[str]:
        return [json.loads(line)["message"] for line in list(self.lines)]

    def until(self, texts: list[str]) -> None:
        wait_until(lambda: len(self.lines) >= len(texts), f"{len(texts)} messages, there are {self.lines}, {self.talk}")
        assert self.texts() == texts

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(DEADLINE_S) == -15


def send(site: ChatSite, text: str) -> None:
    done = site.manage("chat_send", "-q", "newbox", text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.fault("F20")
def test_a_tail_outlives_every_server_and_needs_none(site: ChatSite) -> None:
    send(site, "before")
    tail = Tail(site)
    tail.until(["before"])
    send(site, "without a server")
    tail.until(["before", "without a server"])
    site.start()
    send(site, "with a server")
    tail.until(["before", "without a server", "with a server"])
    site.kill()
    send(site, "after kill -9")
    tail.until(["before", "without a server", "with a server", "after kill -9"])
    site.start()
    send(site, "after a restart")
    expected = ["before", "without a server", "with a server", "after kill -9", "after a restart"]
    tail.until(expected)
    assert site.stop() == 0
    send(site, "after an orderly stop")
    tail.until([*expected, "after an orderly stop"])
    tail.stop()
    assert tail.talk == []


@pytest.mark.slow
@pytest.mark.fault("F20")
@pytest.mark.sqlite("a writer that locks the whole database")
@pytest.mark.embedded("runchat's own broker is killed")
def test_a_tail_with_a_cursor_outlives_broker_server_and_a_locked_database(site: ChatSite) -> None:
    site.start()
    cursor = site.var_dir / "cursor"
    tail = Tail(site, "--cursor-file", str(cursor))
    send(site, "one")
    tail.until(["one"])
    broker = site.broker_pid()
    os.kill(broker, signal.SIGKILL)
    send(site, "two: the broker is dead")
    tail.until(["one", "two: the broker is dead"])
    wait_until(lambda: site.broker_pid() not in (0, broker), "the next broker")
    expected = [*tail.texts(), "three: another broker"]
    send(site, expected[-1])
    tail.until(expected)
    with sqlite3.connect(site.var_dir / "chat.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = site.popen("chat_send", "-q", "newbox", "four: the database was locked", "--timeout", "60")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(LOCKED_S)
        assert site.stop() == 0
        other.rollback()
    assert waiting.communicate(timeout=DEADLINE_S) == ("", "")
    expected.append("four: the database was locked")
    tail.until(expected)
    site.start()
    send(site, "five: another server")
    tail.until([*expected, "five: another server"])
    tail.stop()
    assert tail.talk == []
    assert json.loads(cursor.read_bytes())["newbox"]["rev"] == 5
    rest = site.manage("chat_tail", "newbox", "--no-follow", "--cursor-file", str(cursor), "--json")
    assert (rest.returncode, rest.stdout, rest.stderr) == (0, "", "")


def hide(site: ChatSite) -> None:
    """Put a file that is no database into its place, and its log aside: SQLite would take that for the other file's.

    All is in the file before: who reads while one of them is there and the other is not misses nothing.
    """
    database = site.var_dir / "chat.sqlite3"
    with closing(sqlite3.connect(database, timeout=DEADLINE_S)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (site.var_dir / "aside.sqlite3").hardlink_to(database)
    other = site.var_dir / "other"
    other.write_bytes(b"no database" * 1000)
    other.replace(database)
    for part in PARTS:
        with suppress(FileNotFoundError):
            Path(f"{database}{part}").rename(site.var_dir / f"aside.sqlite3{part}")


def bring_back(site: ChatSite) -> None:
    """The counterpart of `hide`."""
    database = site.var_dir / "chat.sqlite3"
    for part in PARTS:
        with suppress(FileNotFoundError):
            (site.var_dir / f"aside.sqlite3{part}").rename(f"{database}{part}")
    (site.var_dir / "aside.sqlite3").rename(database)


@pytest.mark.fault("F20")
@pytest.mark.sqlite("its file is put aside")
def test_a_database_that_cannot_be_read_for_a_while_is_one_line_and_no_loss(site: ChatSite) -> None:
    send(site, "before")
    tail = Tail(site)
    tail.until(["before"])
    hide(site)
    wait_until(lambda: tail.talk, "the word that the database does not answer")
    bring_back(site)
    send(site, "after")
    tail.until(["before", "after"])
    wait_until(lambda: len(tail.talk) == 2, "the word that it answers again")
    assert tail.talk[0].startswith("Warning: the database does not answer")
    assert tail.talk[1].startswith("Warning: the database answers again")
    tail.stop()


@pytest.mark.slow
@pytest.mark.sqlite("its file is put aside")
def test_an_end_that_comes_while_the_database_cannot_be_read_waits_for_it(site: ChatSite) -> None:
    began = time.time()
    send(site, "before")
    end = time.time() + 1 + 3 * (time.time() - began)  # the tail has begun by then, however slow this machine is
    tail = Tail(site, "--until", f"{end:.3f}")
    tail.until(["before"])
    hide(site)
    wait_until(lambda: tail.talk and time.time() > end + 0.5, "the end")
    assert tail.process.poll() is None
    bring_back(site)
    assert tail.process.wait(DEADLINE_S) == 0
    assert tail.texts() == ["before"]


@pytest.mark.sqlite("its file is put aside")
def test_quiet_keeps_a_tail_silent_whatever_happens(site: ChatSite) -> None:
    send(site, "before")
    tail = site.popen("chat_tail", "newbox", "-q", "-n", "all", "--count", "2")
    database, aside = site.var_dir / "chat.sqlite3", site.var_dir / "aside.sqlite3"
    database.rename(aside)
    bring_back(site)
    send(site, "after")
    assert tail.communicate(timeout=DEADLINE_S) == ("", "")
    assert tail.returncode == 0
