"""One thread for calls that block, for an event loop. It keeps nobody from ending: what it does then is left."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CallingThread:
    """Calls one after the other, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name="chat-reads", daemon=True).start()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the call returns, or raises. Cancelled before its turn, it is not made."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            if answer.cancelled():
                return
            try:
                settle = partial(answer.set_result, call(*args, **kwargs))
            except Exception as error:
                settle = partial(answer.set_exception, error)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(lambda: None if answer.done() else settle())

        self._calls.put(work)
        return await answer

    def close(self) -> None:
        """End after the call that goes on."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
