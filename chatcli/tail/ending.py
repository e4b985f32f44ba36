"""Ends of a tail: a time that is over, and a signal as an end in order, in a process that is the command's own."""

import asyncio
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from chatcore.exceptions import ChatError

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
#: Seconds for which the loop may not hear of a signal before the next one ends the process at once.
_DEAF = 1.0


class TimeOver(ChatError):
    """The time for which to go on is over."""

    code, status, exit_code = "time_over", 504, 124


class Signalled(Exception):
    """A signal has come: when all is in order, the process dies of it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def catching_signals(caught: Callable[[int], None], ours: bool) -> Iterator[None]:
    """Call `caught` for each signal that would end us, in the running loop; those that are ignored stay so.

    Not unless the process is `ours`. A loop that hears nothing, such as one in a regular expression without an end,
    is ended by the second signal.
    """
    loop = asyncio.get_running_loop()
    numbers = [number for number in SIGNALS if ours and signal.getsignal(number) is not signal.SIG_IGN]
    unheard_since: float | None = None

    def arrived(number: int, _: object) -> None:
        nonlocal unheard_since
        if unheard_since is None:
            unheard_since = time.monotonic()
        elif time.monotonic() - unheard_since > _DEAF:
            die_of(number)
        loop.call_soon_threadsafe(heard, number)

    def heard(number: int) -> None:
        nonlocal unheard_since
        unheard_since = None
        caught(number)

    for number in numbers:
        signal.signal(number, arrived)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def die_of(number: int) -> None:
    """End as the signal ends whoever does not catch it, so that shells and service managers see it right."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def leave(stream: Any, line: str, code: int) -> NoReturn:
    """End with this line and code, and wait for no thread: one of them prints to somebody who does not read, and
    `stream` may be read by him too."""
    with suppress(OSError, ValueError):
        if select.select([], [stream.fileno()], [], 0)[1]:
            stream.write(line)
            stream.flush()
    os._exit(code)
