"""The report of a soak: Markdown with two pictures beside it."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance.resources import Resources
from tests.soak.chart import chart
from tests.soak.samples import Sample, slope

if TYPE_CHECKING:
    from tests.soak.run import Soak

MIB = 1 << 20
NAMED = 30


def write(soak: "Soak", folder: Path, figures: Path | None) -> Path:
    """Write the report and its pictures into the folder; where it is."""
    samples, events = soak.sampler.samples, soak.trouble.events
    latency = {
        "stored, p50": [(one.at, one.ack_p50 * 1e3) for one in samples],
        "stored, p99": [(one.at, one.ack_p99 * 1e3) for one in samples],
        "with a reader, p50": [(one.at, one.delivery_p50 * 1e3) for one in samples],
        "with a reader, p99": [(one.at, one.delivery_p99 * 1e3) for one in samples],
    }
    memory = {
        "server one, never restarted": [(one.at, one.one.rss / MIB) for one in samples if one.one],
        "server two": [(one.at, one.two.rss / MIB) for one in samples if one.two],
    }
    title = "milliseconds from posting on, what came while its reader was away included; shaded: what went wrong"
    (folder / "latency.svg").write_text(chart(title, latency, events, logarithmic=True))
    (folder / "memory.svg").write_text(chart("resident memory in MiB; shaded: what went wrong", memory, events))
    path = folder / "report.md"
    path.write_text("\n".join([*_summary(soak), *_numbers(soak), *_troubles(soak), *_figures(figures), ""]))
    return path


def _summary(soak: "Soak") -> Iterator[str]:
    yield f"# Soak of {soak.minutes:g} minutes\n"
    if soak.broken:
        yield f"**{len(soak.broken)} times a promise was broken:**\n"
        yield from (f"- {fault}" for fault in soak.broken[:NAMED])
    else:
        yield "**No promise was broken**: all clients, all commands and `chat_tail` agree with the database."
    yield "\n![latency](latency.svg)\n\n![memory](memory.svg)\n"


def _numbers(soak: "Soak") -> Iterator[str]:
    samples, people = soak.sampler.samples, [person for crowd in soak.crowds for person in crowd.people]
    later = [(one.at, one.one) for one in samples[len(samples) // 3 :] if one.one]
    calm = [one for one in samples if not _troubled(one, soak)] or samples
    stored = _median([one.ack_p99 for one in calm if one.stored])
    delivered = _median([one.delivery_p99 for one in calm if one.delivered])
    rows = {
        "capacity at the beginning": f"{soak.capacity:,.0f} posts/s, each with all readers of its room",
        "posted": f"{sum(one.stored for one in samples):,}",
        "delivered": f"{sum(one.delivered for one in samples):,}",
        "clients": f"{len(people)}, who came back {sum(person.entries - 1 for person in people):,} times",
        "`chat_send`, by exit code": ", ".join(f"{code}: {n}" for code, n in sorted(soak.commands.ended.items())),
        "`chat_tail`, starts": str(soak.tail.starts),
        "p99 until stored, with nothing wrong": f"{stored * 1e3:.1f} ms (median of 5 s each)",
        "p99 until with a reader, with nothing wrong": f"{delivered * 1e3:.1f} ms (median of 5 s each)",
        "memory of server one, over the last two thirds": _growth([(at, taken.rss / MIB) for at, taken in later]),
        "server one after the first third": _named(later[0][1] if later else None),
        "server one at the end": _named(later[-1][1] if later else None),
        "seed": str(soak.seed),
    }
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {value} |" for name, value in rows.items())


def _growth(points: list[tuple[float, float]]) -> str:
    return f"{slope(points) * 3600:+.1f} MiB an hour by linear fit over {len(points)} samples"


def _named(taken: Resources | None) -> str:
    if taken is None:
        return "not measured"
    return f"{taken.rss / MIB:.1f} MiB, {taken.descriptors} descriptors, {taken.threads} threads"


def _troubles(soak: "Soak") -> Iterator[str]:
    yield "\n## What went wrong\n\n| from | to | |\n|---|---|---|"
    yield from (f"| {event.begun:.0f} s | {event.ended:.0f} s | {event.name} |" for event in soak.trouble.events)


def _figures(path: Path | None) -> Iterator[str]:
    if path is None or not path.exists():
        return
    yield "\n## Faults, each by itself\n\n| | test | measured |\n|---|---|---|"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in sorted(lines, key=lambda line: (len(line["fault"]), line["fault"])):
        fault, test = line.pop("fault"), line.pop("test").replace("_", " ").removeprefix("test ")
        yield f"| {fault} | {test} | {', '.join(f'{name} {value}' for name, value in line.items() if name != 'size')} |"


def _troubled(sample: Sample, soak: "Soak") -> bool:
    """Whether anything went wrong shortly before."""
    return any(event.begun - 5 < sample.at < event.ended + 10 for event in soak.trouble.events)


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0
