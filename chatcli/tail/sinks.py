"""Where events go: onto the output, to a handler, or nowhere."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from chatcli.handler import Handler
from chatcore.events import Event, Gap, Typing

#: Seconds for which a handler may take its time without a word about it.
_SILENCE = 0.5


class Shown(NamedTuple):
    """An event to be shown; decoded only for who needs that."""

    payload: bytes
    event: Event | None


class Sink(Protocol):
    """What is done with events. `show` returns when they are out, or handled."""

    @property
    def decoded(self) -> bool:
        """Whether it needs them decoded."""

    @property
    def patience(self) -> float | None:
        """Seconds that it may take still once the end is near; None: as long as it takes."""

    async def show(self, shown: Sequence[Shown]) -> None:
        """Events, in order."""

    async def tell(self, item: Gap | Typing) -> None:
        """What is no event of the log."""

    def stop(self) -> None:
        """Nothing more will come; what goes on may end."""


class Nowhere:
    """For `--quiet`."""

    decoded, patience = False, 0.0

    async def show(self, shown: Sequence[Shown]) -> None:
        """Nothing."""

    async def tell(self, item: Gap | Typing) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class Printing:
    """Onto the standard output. In a thread: a reader that reads slowly must not keep signals waiting."""

    patience = 2.0

    def __init__(
        self, write: Callable[[Sequence[Shown]], None], tell: Callable[[Gap | Typing], None], *, decoded: bool
    ) -> None:
        """`write` and `tell` print and flush."""
        self.decoded = decoded
        self._write, self._tell = write, tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chat-output")
        self._printing: Future[None] | None = None

    @property
    def stuck(self) -> bool:
        """Whether the reader has not taken yet what was printed last: to wait for the thread may take for ever."""
        return self._printing is not None and self._printing.running()

    async def show(self, shown: Sequence[Shown]) -> None:
        """Print them, all at once."""
        self._printing = self._thread.submit(self._write, shown)
        await asyncio.wrap_future(self._printing)

    async def tell(self, item: Gap | Typing) -> None:
        """Print it."""
        self._printing = self._thread.submit(self._tell, item)
        await asyncio.wrap_future(self._printing)

    def stop(self) -> None:
        """Nothing: what goes on ends as soon as the reader reads."""


class Handling:
    """To a shell command, one by one; what is no event is talk."""

    decoded, patience = True, None

    def __init__(self, handler: Handler, talk: Callable[[str], None]) -> None:
        self._handler, self._talk = handler, talk
        self._running = False

    async def show(self, shown: Sequence[Shown]) -> None:
        """Let the command handle each. HandlerFailed ends it."""
        for _, event in shown:
            assert event is not None
            self._running = True
            try:
                await self._handler.run(event)
            finally:
                self._running = False

    async def tell(self, item: Gap | Typing) -> None:
        """Say what is missing."""
        if isinstance(item, Gap):
            self._talk(f"room {item.room}: gap: {item.reason}, events {item.after + 1} to {item.upto}")

    def stop(self) -> None:
        """Let the try that goes on be the last one."""
        self._handler.stop()
        asyncio.get_running_loop().call_later(_SILENCE, self._explain)

    def _explain(self) -> None:
        if self._running:
            self._talk("waiting for --exec to finish; a further signal ends it")
