"""One run: all clients join, some of them send, all of them count what comes."""

import asyncio
import secrets
import time
from array import array
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from chatcli.bench.client import Client
from chatcli.bench.frames import Frame, Texts
from chatcli.bench.measures import Latencies, View
from chatcli.bench.plan import Plan
from chatcli.bench.targets import Processor, Target
from chatcore.history import RoomView

#: Clients that are joining at once.
_JOINING = 50
#: Messages that are on their way at once, unless there is a rate.
IN_FLIGHT = 8
#: Seconds for which an answer is waited for, and for what is to come when nothing comes any more.
_ANSWER = 10.0
_QUIET = 5.0
_LOOK_EVERY = 0.01


class Run:
    """Counts while it goes on. Whatever ends it, what was counted holds."""

    def __init__(self, plan: Plan, room: RoomView, targets: Sequence[Target]) -> None:
        self.plan, self.room, self._targets = plan, room, targets
        self.clients: list[Client] = []
        self.latencies = Latencies()
        self.joined = self.sent = self.stored = self.held = self.unanswered = 0
        self.refused: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.joining_s = self.begun = self.ended = 0.0
        #: The share of a core that this process took, and the servers together.
        self.shares: tuple[float, float | None] = (0.0, None)
        self._head = room.head
        self._token = f"{secrets.token_hex(6)}:"
        self._due = array("d", bytes(8 * plan.messages))
        self._pending: dict[int, tuple[Client, asyncio.Future[Frame | None]]] = {}

    async def join(self, cookies: Sequence[str]) -> None:
        """Let all clients in, who share the cookies and the servers among them. NotIn."""
        begun, texts = time.perf_counter(), Texts()
        for number in range(self.plan.clients):
            target, cookie = self._targets[number % len(self._targets)], cookies[number % len(cookies)]
            view = View(self.room.head, self.room.last_seq)
            self.clients.append(Client(target, cookie, view, texts, self))
        waiting = iter(self.clients)

        async def joiner() -> None:
            for client in waiting:
                await client.join(self.room.epoch)
                self.joined += 1

        await _together([joiner() for _ in range(_JOINING)])
        self.joining_s = time.perf_counter() - begun

    async def measure(self) -> None:
        """Send all messages, in turns by all clients, and wait until everybody has them or nothing comes any more."""
        processor = Processor([pid for target in self._targets for pid in target.pids])
        self.begun = self.ended = time.perf_counter()
        try:
            if self.plan.rate is None:
                waiting = iter(range(self.plan.messages))
                await _together([self._send_in_turn(waiting) for _ in range(min(IN_FLIGHT, self.plan.clients))])
            else:
                await self._send_at(self.plan.rate)
            await self._settle()
        finally:
            self.shares = processor.shares()

    async def leave(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(client.leave() for client in self.clients))

    @property
    def seconds(self) -> float:
        """From the first send to the last receipt."""
        return self.ended - self.begun

    def count(self, what: Callable[[View], int]) -> int:
        """The sum of this over all clients."""
        return sum(what(client.view) for client in self.clients)

    def lost(self) -> int:
        """Deliveries that have not come, of what was stored."""
        return self.count(lambda view: view.lost(self._head))

    # What clients tell

    def delivered(self, frame: Frame, now: float) -> None:
        if frame.client_id is not None and frame.client_id.startswith(self._token):
            self.latencies.add(now - self._due[int(frame.client_id[len(self._token) :])])
            self.ended = now

    def answered(self, frame: Frame) -> None:
        assert frame.client_id is not None
        number = frame.client_id.removeprefix(self._token)
        _, future = self._pending.get(int(number), (None, None)) if number.isdecimal() else (None, None)
        if future is not None and not future.done():
            future.set_result(frame)

    def gone(self, client: Client, code: int) -> None:
        self.closed[code] += 1
        for sender, future in self._pending.values():
            if sender is client and not future.done():
                future.set_result(None)

    # Sending

    async def _send_in_turn(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            if not await self._send(number, None):
                return

    async def _send_at(self, rate: float) -> None:
        """Each when it is due, whatever has become of those before."""
        async with asyncio.TaskGroup() as sending:
            for number in range(self.plan.messages):
                due = self.begun + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if self._sender(number) is None:
                    break
                sending.create_task(self._send(number, due))

    async def _send(self, number: int, due: float | None) -> bool:
        """Send it until it is stored or refused; False if nobody is left to send."""
        tries = 0
        while (client := self._sender(number)) is not None:
            self._due[number] = due or time.perf_counter()
            self.sent += not tries
            frame = await self._answer(client, number)
            if frame is None:
                self.unanswered += 1
            elif frame.type == "sent":
                self.stored += 1
                self._head = max(self._head, frame.rev)
            elif frame.code == "rate":
                self.held += not tries
                tries += 1
                await asyncio.sleep(frame.retry_after)
                continue
            else:
                self.refused[f"{frame.detail} ({frame.code})"] += 1
            return True
        return False

    async def _answer(self, client: Client, number: int) -> Frame | None:
        """What becomes of the message; None if nobody says."""
        future: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._pending[number] = client, future
        client.send({"type": "send", "client_id": f"{self._token}{number}", "message": self.plan.text(number)})
        try:
            async with asyncio.timeout(_ANSWER):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._pending[number]

    def _sender(self, number: int) -> Client | None:
        """Whose turn it is; None if nobody is left."""
        for step in range(len(self.clients)):
            client = self.clients[(number + step) % len(self.clients)]
            if client.is_open:
                return client
        return None

    async def _settle(self) -> None:
        """Wait until all who are in have everything, or nothing comes any more."""
        begun = time.perf_counter()
        while any(client.is_open and client.view.lost(self._head) for client in self.clients):
            if time.perf_counter() - max(self.ended, begun) > _QUIET:
                return
            await asyncio.sleep(_LOOK_EVERY)


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it; the first failure ends the rest."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
