"""A signal as an end in order. Only for a process that is the command's own."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Signalled(Exception):
    """A signal has come: when all is in order, the process dies of it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def catching_signals(caught: Callable[[int], None], ours: bool) -> Iterator[None]:
    """Call `caught` for each signal that would end us, in the running loop; those that are ignored stay so.

    Not unless the process is `ours`.
    """
    loop = asyncio.get_running_loop()
    numbers = [number for number in SIGNALS if ours and signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, caught, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)


def die_of(number: int) -> None:
    """End as the signal ends whoever does not catch it, so that shells and service managers see it right."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
