"""`chat_tail` goes on through restarts of all that it depends on: nothing is lost, nothing comes twice."""

import json
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until


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


def test_a_database_that_cannot_be_read_for_a_while_is_one_line_and_no_loss(site: ChatSite) -> None:
    send(site, "before")
    tail = Tail(site)
    tail.until(["before"])
    database, aside = site.var_dir / "chat.sqlite3", site.var_dir / "aside.sqlite3"
    database.rename(aside)
    database.write_bytes(b"no database" * 1000)
    wait_until(lambda: tail.talk, "the word that the database does not answer")
    aside.rename(database)
    send(site, "after")
    tail.until(["before", "after"])
    wait_until(lambda: len(tail.talk) == 2, "the word that it answers again")
    assert tail.talk[0].startswith("Warning: the database does not answer")
    assert tail.talk[1].startswith("Warning: the database answers again")
    tail.stop()


def test_quiet_keeps_a_tail_silent_whatever_happens(site: ChatSite) -> None:
    send(site, "before")
    tail = site.popen("chat_tail", "newbox", "-q", "-n", "all", "--count", "2")
    database, aside = site.var_dir / "chat.sqlite3", site.var_dir / "aside.sqlite3"
    database.rename(aside)
    aside.rename(database)
    send(site, "after")
    assert tail.communicate(timeout=DEADLINE_S) == ("", "")
    assert tail.returncode == 0
