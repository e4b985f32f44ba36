"""A listener that several processes share: each takes one connection, and then leaves the next to the others."""

import asyncio
from typing import Any

#: Seconds for which a process that has taken one leaves the listener alone. All of them are woken by an arrival, and
#: the first to run would empty the queue before the others do.
PAUSE_S = 0.001


def take_turns(port: Any) -> None:
    """Let this listening port of Twisted take one connection at a time, with pauses between."""
    take = port.doRead

    def go_on() -> None:
        if port.connected and not port.disconnecting:
            port.startReading()

    def take_one() -> None:
        port.numberAccepts = 1  # by itself it takes a hundred, or as many as came last
        take()
        port.stopReading()
        asyncio.get_running_loop().call_later(PAUSE_S, go_on)

    port.doRead = take_one
