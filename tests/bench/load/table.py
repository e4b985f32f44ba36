"""The results as Markdown: the figures, what they must be beside the peers, and the runs behind them."""

import math
import statistics
from collections.abc import Iterator, Sequence

from tests.bench.load.driving import Run
from tests.bench.load.rows import MORE_IS_BETTER, Figure, Need, Row
from tests.bench.load.runs import Plan, Results
from tests.bench.load.servers import SERVERS

#: The generator's share of its core above which it may be what is measured.
BUSY = 0.9
#: What others may take of the server's core before a figure says more about them.
DISTURBED = 0.05
NOTES = """\
Deliveries a second (each message at each socket counts), and the CPU of the server and its broker for each one.
Roomline stores every message, with an fsync before it is acknowledged; its peers store nothing. The null server only
copies bytes: what the generator and the kernel take at most. A tutorial's server is Daphne with the consumer of the
Channels tutorial. Latency: from the intended send to each receipt. Late or lost: not there 10 s after the end.
\\* the generator was busy above 90 %: the server may be faster. ~ others took above 5 % of the server's core."""


def document(plan: Plan, results: Results, machine: Sequence[str]) -> str:
    """The whole output."""
    parts = [["## Load", ""], [f"- {line}" for line in machine], [""], figures(plan, results), ["", NOTES, ""]]
    if results.left_out:
        parts += [["Not measured:", ""], [f"- {what}: {why}" for what, why in results.left_out.items()], [""]]
    parts += [["### What it must show", ""], list(needs(plan, results)), [""]]
    parts += [["### The runs", ""], list(details(plan, results)), [""]]
    return "\n".join(line for part in parts for line in part)


def figures(plan: Plan, results: Results) -> list[str]:
    """A line a row, a column a server."""
    head = "| | " + " | ".join(server.title for server in plan.servers) + " |"
    lines = [
        f"| {row.title}{', messages/s' if 'messages' in row.figures else ''} | "
        + " | ".join(cell(row, results, server.key) for server in plan.servers)
        + " |"
        for row in plan.rows
    ]
    return [head, "|---|" + "---|" * len(plan.servers), *lines]


def cell(row: Row, results: Results, server: str) -> str:
    """What a server showed."""
    runs = results.of(row, server)
    if not runs:
        return ""
    medians = [(figure, results.median(row, server, figure)) for figure in row.figures]
    text = ", ".join(
        f"{figure} {amount(figure, value)}" if len(medians) > 1 else amount(figure, value) for figure, value in medians
    )
    if row.flight:
        text += f" ({rounded(statistics.median(cpu_each(row, run) for run in runs), 2):g} us)"
    if not all(held(row, run) for run in runs):
        text = f"cannot hold it: {text}"
    if max(run.client_cpu for run in runs) > BUSY:
        text += " \\*"
    if max(run.other_cpu for run in runs) > DISTURBED:
        text += " ~"
    if lost := sum(run.counts.get("lost", 0) for run in runs):
        text += f" (late or lost {lost:,})"
    return text


def cpu_each(row: Row, run: Run) -> float:
    """Microseconds of the server and its broker for one delivery, or one message."""
    rate = run.figures[row.figures[0]]
    return 1e6 * run.server_cpu / rate if rate else math.nan


def held(row: Row, run: Run) -> bool:
    """Whether an open loop's messages came as fast as they were sent."""
    return not row.rate or (not run.counts["lost"] and run.figures["messages"] > 0.9 * row.rate - 1)


def amount(figure: Figure, value: float | None) -> str:
    """A value with its unit, to three digits."""
    if value is None:
        return ""
    if figure in MORE_IS_BETTER:
        return f"{rounded(value):,.0f}"
    return f"{rounded(value):g} {'kB' if figure == 'memory' else 'ms'}"


def rounded(value: float, digits: int = 3) -> float:
    """To so many digits that say something."""
    return round(value, digits - 1 - math.floor(math.log10(value))) if value > 0 and math.isfinite(value) else value


def needs(plan: Plan, results: Results) -> Iterator[str]:
    """A line for each figure that ours must reach, as far as both sides were measured."""
    yield "| | figure | Roomline | beside | | ratio | must be | |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in plan.rows:
        for figure in row.figures:
            ours = results.median(row, "ours", figure)
            if ours is None:
                continue
            if row.limit is not None:
                verdict = "yes" if ours <= row.limit else "**short**"
                yield f"| {row.title} | {figure} | {amount(figure, ours)} | | | | at most {row.limit:g} | {verdict} |"
            for need in row.needs:
                yield from needed(row, figure, need, ours, results.median(row, need.peer, figure))


def needed(row: Row, figure: Figure, need: Need, ours: float, peer: float | None) -> Iterator[str]:
    """The line for one peer."""
    if peer is None:
        return
    more = figure in MORE_IS_BETTER
    ratio = ours / peer if peer else math.nan  # nothing came within the peer's windows
    verdict = "yes" if (ratio >= need.factor if more else ratio <= need.factor) else "**short**"
    yield (
        f"| {row.title} | {figure} | {amount(figure, ours)} | {SERVERS[need.peer].title} | {amount(figure, peer)} "
        f"| {rounded(ratio):g} | {'at least' if more else 'at most'} {need.factor:g} | {verdict} |"
    )


def details(plan: Plan, results: Results) -> Iterator[str]:
    """A line for each row and server: how far the rounds lay apart, the CPU, what went wrong."""
    yield "| | server | lowest to highest | server | generator | others on the server's core | went wrong |"
    yield "|---|---|---|---|---|---|---|"
    for row in plan.rows:
        for server in plan.servers:
            runs = results.of(row, server.key)
            if not runs:
                continue
            values = [run.figures[row.figures[0]] for run in runs]
            spread = " to ".join(amount(row.figures[0], value) for value in (min(values), max(values)))
            shares = [(run.server_cpu, run.client_cpu, run.other_cpu) for run in runs]
            busy = " | ".join(f"{statistics.median(share):.0%}" for share in zip(*shares, strict=True))
            wrong = "; ".join(run.losses for run in runs if run.losses)
            yield f"| {row.title} | {server.title} | {spread} | {busy} | {wrong} |"
