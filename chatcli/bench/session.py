"""One call of the command, in one event loop: people come, join, measure, leave; whatever ends it, they are removed."""

import asyncio
from collections.abc import Callable
from typing import Any

from chatcli.bench.bar import Bar
from chatcli.bench.people import People
from chatcli.bench.run import Run
from chatcli.tail.ending import Signalled, catching_signals, die_of
from chatcore.exceptions import ChatError, Unavailable

_SHOW_EVERY = 0.2


class Session:
    """Everything between the options and the report."""

    def __init__(self, run: Run, people: People, bar: Bar, talk: Callable[[str], None]) -> None:
        """`talk` takes a line for the standard error."""
        self._run, self._people, self._bar, self._talk = run, people, bar, talk

    async def run(self, *, signals: bool) -> None:
        """Carry the run out. Signalled for a signal (only if we may catch them, by `signals`), ChatError."""
        self._signal: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        with catching_signals(self._signalled, signals):
            work = asyncio.create_task(self._work())
            ends: list[asyncio.Future[Any]] = [work, self._signal]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                self._bar.remove()
                await self._clean_up()
            if self._signal.done():
                raise Signalled(self._signal.result())
            work.result()

    def _signalled(self, number: int) -> None:
        if self._signal.done():
            self._bar.remove()
            die_of(number)  # twice: at once; the next run removes what is left
        self._signal.set_result(number)

    async def _work(self) -> None:
        run, plan = self._run, self._run.plan
        if left := await self._people.clear():
            self._talk(f"removed {left:,} temporary accounts that an earlier run had left")
        cookies = await self._people.invite(lambda here: self._bar.show("accounts", here, plan.clients))
        showing = asyncio.create_task(self._show())
        try:
            await run.join(cookies)
            await run.measure()
        finally:
            showing.cancel()

    async def _show(self) -> None:
        run, plan = self._run, self._run.plan
        while True:
            if run.joined < plan.clients:
                self._bar.show("joining", run.joined, plan.clients)
            else:
                done = run.stored + run.unanswered + run.refused.total()
                self._bar.show("messages", done, plan.messages, f"{run.latencies.count:,} deliveries")
            await asyncio.sleep(_SHOW_EVERY)

    async def _clean_up(self) -> None:
        """Remove what was made. ChatError when that fails."""
        await self._run.leave()
        try:
            await self._people.dismiss()
        except ChatError as error:
            raise Unavailable(f"temporary accounts or sessions are left, the next run removes them: {error}") from error
        finally:
            self._people.close()
