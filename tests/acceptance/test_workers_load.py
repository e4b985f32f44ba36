"""Workers that are killed and replaced while people read and write: nobody is refused, nothing is lost."""

import asyncio
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import pytest

from tests.acceptance.invariants import Ledger
from tests.acceptance.load import Crowd
from tests.acceptance.wire import Wire
from tests.acceptance.working import WorkingSite
from tests.waiting import DEADLINE_S, SOAK

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its workers")]

RATE = 20.0
MESSAGES = 80 if SOAK == 1 else 1200
CLIENTS = 20 if SOAK == 1 else 200
TIMES = 1 if SOAK == 1 else 4


@pytest.fixture(scope="module")
def site() -> Iterator[WorkingSite]:
    with WorkingSite({"CHAT_RATE": "off"}) as site:
        yield site


@pytest.fixture(scope="module")
def cookies(site: WorkingSite) -> list[str]:
    return site.sign_in(*(f"person{number}" for number in range(10)))


class Visitors(AbstractContextManager["Visitors"]):
    """Programs that ask for a page again and again, each time on a new connection, until the end of the context."""

    def __init__(self, site: WorkingSite, cookie: str) -> None:
        self._site, self._cookie = site, cookie
        self.answered = 0
        #: What did not get its page, and why.
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(path,)) for path in ("/healthz", "/")]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _visit(self, path: str) -> None:
        while not self._over.is_set():
            connection = http.client.HTTPConnection(self._site.host, self._site.port, timeout=DEADLINE_S)
            try:
                connection.request("GET", path, headers={"Cookie": self._cookie})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise http.client.HTTPException(f"status {answer.status}")
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(f"{path}: {error!r}")
            finally:
                connection.close()
            time.sleep(0.005)  # leaves the machine to the server


class Newcomers(AbstractContextManager["Newcomers"]):
    """Sockets that are opened one after the other, until the end of the context."""

    def __init__(self, site: WorkingSite) -> None:
        self._site = site
        self.opened = 0
        #: Why one was not.
        self.failed: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._come)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(DEADLINE_S)

    def _come(self) -> None:
        while not self._over.is_set():
            try:
                with Wire(self._site.host, self._site.port) as wire:
                    head = wire.handshake("/ws/chat/upgraded/?v=1")
                if not head.startswith(b"HTTP/1.1 101 "):
                    raise OSError(repr(head[:40]))
                self.opened += 1
            except OSError as error:
                self.failed.append(repr(error))
            time.sleep(0.005)


async def until_room(site: WorkingSite, room: str) -> None:
    done = await asyncio.to_thread(site.manage, "create_room", room)
    assert done.returncode == 0, done.stderr


def under_load(
    site: WorkingSite, cookies: list[str], room: str, trouble: Callable[[], None], visitors: Visitors | None = None
) -> tuple[Ledger, Crowd]:
    """A crowd that posts in turns while the trouble comes; all that is promised is checked at the end."""
    ledger, crowds = Ledger(), list[Crowd]()

    async def scenario() -> None:
        await until_room(site, room)
        async with Crowd(site, room, cookies, CLIENTS, ledger) as crowd:
            crowds.append(crowd)
            posting = asyncio.create_task(crowd.post(MESSAGES, RATE))
            await crowd.until_even(head=10)
            with visitors or nullcontext():
                await asyncio.to_thread(trouble)
                await crowd.until_back()
            await posting
            await crowd.until_even()
            assert all(person.view.posted == list(range(1, MESSAGES + 1)) for person in crowd.people)
            ledger.check(site)

    asyncio.run(scenario())
    return ledger, crowds[0]


@pytest.mark.fault("F1")
def test_a_worker_that_is_killed_is_missed_by_nobody_for_long(
    site: WorkingSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    killed: list[int] = []
    stay: set[int] = set()

    def trouble() -> None:
        stay.update(site.with_worker(2))
        for number in range(TIMES):
            killed.append(site.kill_worker(number % 2 + 1))

    other = site.pids()[1]
    _, crowd = under_load(site, cookies, "killed", trouble)
    entries = [person.entries for person in crowd.people]
    figures("workers killed", clients=CLIENTS, killed=TIMES, reconnected=sum(entries) - CLIENTS, lost=0)
    if TIMES == 1:
        assert site.pids()[1] == other, "the other worker goes on"
        assert entries.count(1) == len(stay), "and so do all who are with it, and nobody else"


@pytest.mark.fault("F2")
def test_an_upgrade_refuses_nobody_and_loses_nothing(
    site: WorkingSite, cookies: list[str], figures: Callable[..., None]
) -> None:
    visitors = Visitors(site, cookies[0])
    newcomers = Newcomers(site)

    def trouble() -> None:
        with newcomers:
            for _ in range(TIMES):
                site.upgrade()

    _, crowd = under_load(site, cookies, "upgraded", trouble, visitors)
    assert (visitors.failed, newcomers.failed) == ([], [])
    closes = {code for person in crowd.people for code in person.view.closes}
    assert closes == {1012}
    figures(
        "workers upgraded", clients=CLIENTS, upgrades=TIMES, requests=visitors.answered, sockets=newcomers.opened,
        refused=0, reconnected=sum(person.entries for person in crowd.people) - CLIENTS, lost=0,
    )  # fmt: skip
    assert visitors.answered > 0
    assert newcomers.opened > 0
