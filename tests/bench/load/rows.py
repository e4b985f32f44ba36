"""What is measured, and what it must show beside the peers: data."""

from dataclasses import dataclass
from typing import Literal

#: What a run finds: messages and deliveries a second, milliseconds from the intended send to each receipt, and kB that
#: a socket takes.
Figure = Literal["deliveries", "messages", "p50", "p99", "memory"]
MORE_IS_BETTER: tuple[Figure, ...] = ("deliveries", "messages")


@dataclass(frozen=True)
class Need:
    """Ours over this server's: at least `factor` where more is better, else at most."""

    peer: str
    factor: float


@dataclass(frozen=True)
class Row:
    """A load. Either `flight` messages are out in each room, or `rate` a second are sent, or the sockets are idle."""

    key: str
    title: str
    figures: tuple[Figure, ...]
    sockets: int
    rooms: int = 1
    flight: int = 0
    rate: float = 0
    needs: tuple[Need, ...] = ()
    #: Seconds at least, and a quarter of it to warm up, for a server that takes seconds until a flight is all there:
    #: a window must have several of them.
    slow: float = 0
    #: Ours, without a peer: at most.
    limit: float | None = None


ROWS = {
    row.key: row
    for row in (
        Row(
            "flight64", "one room, 200 sockets, 64 in flight", ("deliveries",), 200, flight=64, slow=20,
            needs=(Need("tutorial", 150), Need("ws", 5), Need("uws", 0.8)),
        ),
        Row(
            "flight8", "one room, 200 sockets, 8 in flight", ("deliveries",), 200, flight=8,
            needs=(Need("tutorial", 80), Need("ws", 3)),
        ),
        Row(
            "flight1", "one room, 200 sockets, 1 in flight", ("deliveries",), 200, flight=1,
            needs=(Need("tutorial", 15), Need("ws", 0.6)),
        ),
        Row(
            "crowd", "one room, 2,000 sockets, 8 in flight", ("deliveries",), 2000, flight=8, slow=40,
            needs=(Need("tutorial", 200), Need("tutorial-pubsub", 100), Need("ws", 5), Need("uws", 0.8)),
        ),
        Row(
            "rooms", "200 rooms of 5, 1 in flight in each", ("messages",), 1000, rooms=200, flight=1,
            needs=(Need("tutorial", 5), Need("tutorial-pubsub", 2.5)),
        ),
        Row(
            "latency500", "500 sockets, 20 messages/s", ("p50", "p99"), 500, rate=20,
            needs=(Need("ws", 1.6),),
        ),
        Row(
            "latency200", "200 sockets, 5 messages/s", ("p50", "p99"), 200, rate=5,
            needs=(Need("tutorial", 0.2),),
        ),
        Row(
            "idle", "5,000 idle sockets", ("memory",), 5000, needs=(Need("tutorial", 1),), limit=25,
        ),
    )
}  # fmt: skip
