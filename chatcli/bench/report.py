"""What a run has found out, as data, for people, and as reasons why it was not good."""

from collections.abc import Iterator
from typing import Any

from chatcli.bench.run import Run

#: Codes with which a server closes a socket, in words.
CLOSED = {
    1006: "connection lost",
    1012: "server stopped",
    4008: "reads too slowly",
    4029: "sent too much",
    4401: "signed out",
}
_BUSY = 0.85


def answer(run: Run) -> dict[str, Any]:
    """The run as JSON."""
    own, servers = run.shares
    latencies = run.latencies
    return {
        "room": run.room.name,
        "clients": run.plan.clients,
        "messages": run.plan.messages,
        "rate": run.plan.rate,
        "sent": run.sent,
        "stored": run.stored,
        "deliveries": latencies.count,
        "seconds": round(run.seconds, 3),
        "deliveries_per_second": per_second(latencies.count, run),
        "messages_per_second": per_second(run.stored, run),
        "p50_ms": milliseconds(latencies.percentile(50)),
        "p95_ms": milliseconds(latencies.percentile(95)),
        "p99_ms": milliseconds(latencies.percentile(99)),
        "max_ms": milliseconds(latencies.longest),
        "lost": run.lost(),
        "repeated": run.count(lambda view: view.repeated),
        "misplaced": run.count(lambda view: view.misplaced),
        "refused": run.refused.total() + run.unanswered,
        "held_back": run.held,
        "closed": {str(code): count for code, count in sorted(run.closed.items())},
        "joining_seconds": round(run.joining_s, 3),
        "bench_cpu": round(own, 3),
        "server_cpu": None if servers is None else round(servers, 3),
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield (
        f"deliveries  {found['deliveries']:,} to {found['clients']:,} clients in {found['seconds']:.2f} s: "
        f"{found['deliveries_per_second']:,.0f}/s"
    )
    yield f"messages    {found['stored']:,} of {found['messages']:,} stored: {found['messages_per_second']:,.0f}/s"
    times = ", ".join(f"{name} {found[f'{name}_ms']:,.1f}" for name in ("p50", "p95", "p99", "max"))
    yield f"latency     {times} ms from send to receipt"
    yield f"losses      {found['lost']:,} lost, {found['repeated']:,} repeated, {found['misplaced']:,} out of order"
    yield f"joining     {found['joining_seconds']:.2f} s until all were in"
    server = "" if found["server_cpu"] is None else f"server {found['server_cpu']:.0%}, "
    yield f"processor   {server}chat_bench {found['bench_cpu']:.0%} of a core"


def remarks(run: Run, rate: str) -> Iterator[str]:
    """What somebody should know who reads the figures. `rate` is the setting CHAT_RATE."""
    if run.held:
        yield (
            f"{run.held:,} sends were held back by CHAT_RATE ({rate}): "
            "for a run without limits start the server with CHAT_RATE=off"
        )
    own, servers = run.shares
    if own > _BUSY and (servers is None or servers < _BUSY):
        yield f"chat_bench itself was the limit ({own:.0%} of a core): the server can do more than this"


def failures(run: Run, found: dict[str, Any]) -> Iterator[str]:
    """Why the run was not good; nothing for a good one."""
    losses = {"lost": "lost", "repeated": "repeated", "misplaced": "out of order"}
    wrong = [f"{found[key]:,} {word}" for key, word in losses.items() if found[key]]
    if wrong:
        yield f"deliveries were {', '.join(wrong)}"
    if run.refused:
        [(detail, count)] = run.refused.most_common(1)
        most = f", {count:,} of them" if len(run.refused) > 1 else ""
        yield f"{run.refused.total():,} messages were refused{most}: {detail}"
    if run.unanswered:
        yield f"{run.unanswered:,} messages were never answered"
    for code, count in sorted(run.closed.items()):
        yield f"{count:,} clients were closed by the server ({code}{f': {CLOSED[code]}' if code in CLOSED else ''})"
    if run.sent < run.plan.messages and run.closed:
        yield f"nobody was left to send after {run.sent:,} of {run.plan.messages:,} messages"


def per_second(count: int, run: Run) -> float:
    """So many in the time that the run took."""
    return round(count / run.seconds, 1) if run.seconds else 0.0


def milliseconds(seconds: float) -> float:
    """To a hundredth."""
    return round(1000 * seconds, 2)
