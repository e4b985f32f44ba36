"""Two people and a command talk while servers, the broker and a network go away: everybody ends with the same log.

Small in `make test-all`; three minutes by `make soak`.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from tests.acceptance.browsing import People, Person
from tests.acceptance.clients import in_the_log
from tests.acceptance.site import ChatSite
from tests.waiting import SOAK, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.valkey,
    pytest.mark.embedded("runchat's own broker is killed"),
]

LASTS_S = 180.0 if SOAK > 1 else 20.0
OFFLINE_S = 10.0 if SOAK > 1 else 3.0
PACE_MS = 300


class Commands(threading.Thread):
    """`chat_send` in a loop, each text repeated under its key until it is stored."""

    def __init__(self, site: ChatSite) -> None:
        super().__init__()
        self.site = site
        self.ended = threading.Event()
        self.sent: list[str] = []

    def run(self) -> None:
        for number in count(1):
            text = f"command {number}"
            while self.site.manage("chat_send", "-q", "--key", text, "newbox", text).returncode:
                time.sleep(0.1)
            self.sent.append(text)
            if self.ended.is_set():
                return


def restart(site: ChatSite) -> None:
    site.stop()
    site.start()


def kill_broker(site: ChatSite) -> None:
    os.kill(wait_until(site.broker_pid, "the broker"), signal.SIGKILL)


def test_nothing_is_lost_or_repeated_through_restarts_a_dead_broker_and_a_cut_network(people: People) -> None:
    with ChatSite() as site:
        site.manage("create_room", "newbox")
        alice, bob = people.signed_in(site, "alice", "bob")
        for person in (alice, bob):
            person.enter("newbox")
        troubles: list[tuple[float, Callable[[], object]]] = [
            (0.15, lambda: in_the_background(restart, site)),
            (0.35, lambda: kill_broker(site)),
            (0.5, lambda: bob.context.set_offline(True)),
            (0.5 + OFFLINE_S / LASTS_S, lambda: bob.context.set_offline(False)),
            (0.75, lambda: in_the_background(restart, site)),
        ]
        commands = Commands(site)
        commands.start()
        written = talk((alice, bob), troubles)
        commands.ended.set()
        commands.join()
        for person in (alice, bob):
            person.await_state("live")
        wait_until(lambda: nothing_waits(alice) and nothing_waits(bob), "everything sent")
        log = [message["message"] for message in in_the_log(site, "newbox")]
        assert sorted(log) == sorted([*commands.sent, *written])
        for author in ("alice", "bob", "command"):
            numbers = [int(text.split()[1]) for text in log if text.startswith(author)]
            assert numbers == list(range(1, len(numbers) + 1))
        for person in (alice, bob):
            wait_until(partial(shows, person, log), f"a page with all of {len(log)} messages")


def in_the_background(work: Callable[[ChatSite], None], site: ChatSite) -> None:
    threading.Thread(target=work, args=(site,)).start()


def talk(persons: tuple[Person, Person], troubles: list[tuple[float, Callable[[], object]]]) -> list[str]:
    """Both write by turns, whatever happens around them; all that they wrote."""
    written: list[str] = []
    began = time.monotonic()
    for number in count(1):
        for person, name in zip(persons, ("alice", "bob"), strict=True):
            person.write(f"{name} {number}")
            written.append(f"{name} {number}")
            person.page.wait_for_timeout(PACE_MS)
        passed = (time.monotonic() - began) / LASTS_S
        while troubles and passed > troubles[0][0]:
            troubles.pop(0)[1]()
        if passed > 1 and not troubles:
            break
    return written


def nothing_waits(person: Person) -> bool:
    person.page.wait_for_timeout(10)
    return person.page.locator("#outbox > *").count() == 0


def shows(person: Person, log: list[str]) -> bool:
    """Whether the page shows the log: all of it, or the end of a long one, each line once, in order."""
    shown = person.texts
    return len(shown) >= min(len(log), 500) and shown == log[-len(shown) :]
