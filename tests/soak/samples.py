"""What the servers take and how fast they answer, every few seconds; and whether their memory grows."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.acceptance.load import Crowd, Stopwatch
from tests.acceptance.resources import Resources, resources
from tests.acceptance.site import ChatSite

EVERY_S = 5.0


@dataclass(frozen=True)
class Sample:
    """One moment. Times in seconds, of what came since the last sample; a server that is down takes nothing."""

    at: float
    one: Resources | None
    two: Resources | None
    stored: int
    ack_p50: float
    ack_p99: float
    delivered: int
    delivery_p50: float
    delivery_p99: float
    away: int


@dataclass
class Sampler:
    """Looks at both servers and at the stopwatch."""

    one: ChatSite
    two: ChatSite
    stopwatch: Stopwatch
    crowds: list[Crowd]
    begun: float
    samples: list[Sample] = field(default_factory=list)

    async def go_on(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            acks, deliveries = self.stopwatch.lap()
            self.samples.append(
                Sample(
                    time.monotonic() - self.begun,
                    taken(self.one),
                    taken(self.two),
                    acks.count,
                    acks.percentile(50),
                    acks.percentile(99),
                    deliveries.count,
                    deliveries.percentile(50),
                    deliveries.percentile(99),
                    sum(crowd.away() for crowd in self.crowds),
                )
            )


def taken(site: ChatSite) -> Resources | None:
    """What the server takes; None if it does not run."""
    try:
        return resources(site.process.pid) if site.process is not None and not site.ended() else None
    except (OSError, KeyError):  # it has just ended
        return None


def slope(points: list[tuple[float, float]]) -> float:
    """By how much the value grows each second: least squares. 0 of fewer than two points."""
    if len(points) < 2:
        return 0.0
    middle = sum(x for x, _ in points) / len(points)
    height = sum(y for _, y in points) / len(points)
    width = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * (y - height) for x, y in points) / width
