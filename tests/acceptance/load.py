"""Many people at once, each on a socket of his own, as the page behaves: he comes back with jitter and his cursor,
and sends again under the same `client_id` until it is acknowledged. Cheap enough for a thousand in one process.

    ledger = Ledger()
    async with Crowd(site, "room", cookies, 300, ledger) as crowd:   # everybody is in; cookies are shared in turn
        await crowd.post(120, rate=20)          # in turns by all; returns when each is acknowledged
        ... a fault ...
        await crowd.until_back()                # everybody is connected again
        await crowd.until_even()                # and has all that anybody has, and all that was acknowledged
        ledger.check(site)                      # inside: who is connected must have everything

A crowd may connect through a `FaultyNetwork`, too: anything with `host` and `port`.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from chatcli.bench.measures import Latencies
from tests.acceptance.clients import View
from tests.acceptance.invariants import Ledger
from tests.acceptance.person import Person, Place, full_jitter
from tests.waiting import DEADLINE_S

#: Clients that connect at once as a crowd comes for the first time.
JOINING = 50
#: Seconds after which a crowd that is awaited has failed.
PATIENCE = DEADLINE_S * 3


class Stopwatch:
    """How long posts took to be acknowledged, and to be with each reader: since the last lap."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self.lap()

    def lap(self) -> tuple[Latencies, Latencies]:
        """The times of acknowledgements and of deliveries up to now; both begin anew."""
        before = getattr(self, "acks", Latencies()), getattr(self, "deliveries", Latencies())
        self.acks, self.deliveries = Latencies(), Latencies()
        return before

    def begin(self, client_id: str) -> None:
        """It is sent now."""
        self._due[client_id] = time.perf_counter()

    def heard(self, frame: dict[str, Any], now: float) -> None:
        """Somebody got it."""
        due = self._due.get(frame["client_id"])
        if due is not None:
            (self.acks if frame["type"] == "sent" else self.deliveries).add(now - due)


class Crowd:
    """So many people in one room. As an async context manager: comes, and at the end goes."""

    def __init__(
        self,
        place: Place,
        room: str,
        cookies: Sequence[str],
        size: int,
        ledger: Ledger,
        *,
        pause: Callable[[float], float] = full_jitter,
        stopwatch: Stopwatch | None = None,
        view: Callable[[], View] = View,
    ) -> None:
        """The cookies are shared in turn, the views go into the ledger, the times onto the stopwatch.

        `pause` as `Person` has it; `view` makes what each has when he comes: `View(rev=0)` lacks everything.
        """
        self._place, self._room, self._cookies, self._size = place, room, cookies, size
        self._ledger, self._pause, self._stopwatch = ledger, pause, stopwatch or Stopwatch()
        self._view = view
        self._number = itertools.count()
        self.people: list[Person] = []

    async def __aenter__(self) -> Self:
        gate = asyncio.Semaphore(JOINING)

        async def join(number: int) -> None:
            async with gate:
                name = f"{self._room}-{number}"
                cookie = self._cookies[number % len(self._cookies)]
                person = Person(self._place, self._room, cookie, name, self._pause)
                person.view = replace(self._view(), name=name, room=self._room)
                person.heard = self._stopwatch.heard
                self.people.append(person)
                self._ledger.views.append(person.view)
                async with asyncio.timeout(PATIENCE):
                    await person.live.wait()

        await asyncio.gather(*map(join, range(self._size)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(person.leave() for person in self.people))

    async def post(self, count: int, rate: float, text: str = "message") -> None:
        """So many messages in turns, so many a second, whatever has become of those before; until all are stored."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as posting:
            for number in range(count):
                await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
                turn, client_id = next(self._number), secrets.token_hex(8)
                self._stopwatch.begin(client_id)
                posting.create_task(self.people[turn % len(self.people)].post(f"{text} {turn}", client_id))

    async def until_back(self) -> float:
        """Wait until everybody is connected; the seconds that took. TimeoutError says how many are not."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                for person in self.people:
                    await person.live.wait()
        except TimeoutError:
            raise TimeoutError(f"after {PATIENCE:g} s: {self.away()} of {len(self.people)} are not back") from None
        return time.monotonic() - begun

    def away(self) -> int:
        """How many are not connected."""
        return sum(not person.live.is_set() for person in self.people)

    async def until_even(self, head: int = 0) -> float:
        """Wait until everybody is connected and has come to rev `head`, to what anybody of the ledger has of this room,
        and to what was acknowledged to him; the seconds that took."""
        begun = time.monotonic()
        views = [view for view in self._ledger.views if view.room == self._room]
        acked = [frame["rev"] for view in views for frame in view.frames if frame["type"] == "sent"]
        head = max(head, *acked, *(view.rev or 0 for view in views), 0)
        while any(not person.live.is_set() or self._at(person) < head for person in self.people):
            if time.monotonic() - begun > PATIENCE:
                behind = sum(self._at(person) < head for person in self.people)
                raise TimeoutError(
                    f"after {PATIENCE:g} s: {self.away()} are away, {behind} have not come to rev {head}"
                )
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    @staticmethod
    def _at(person: Person) -> int:
        return person.view.joined or 0 if person.view.rev is None else person.view.rev
