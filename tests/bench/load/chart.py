"""A picture of the closed loops in one room, for the README: deliveries a second of every server, on a log scale.

Dots, not bars: on a log scale a place says something, a length nothing. Colours are readable on white and on black.
"""

import math
from collections.abc import Iterator
from html import escape

from tests.bench.load.rows import Row
from tests.bench.load.runs import Plan, Results
from tests.bench.load.servers import Server
from tests.bench.load.table import rounded

WIDTH, LEFT, RIGHT = 760, 170, 90
LINE, HEADING, TOP, BOTTOM = 20, 34, 10, 46
OURS, PEERS, INK = "#d9541e", "#5b87b5", "#6f7a86"
STYLE = f"""
text {{ font: 13px system-ui, sans-serif; fill: {INK} }}
.heading {{ font-weight: 600; font-size: 14px }}
.ours {{ font-weight: 600; fill: {OURS} }}
"""
#: Neither a peer nor a chat, and a second look at ours.
ASIDE = ("null", "plain")


def chart(plan: Plan, results: Results) -> str:
    """SVG."""
    rows = [row for row in plan.rows if "deliveries" in row.figures]
    servers = [server for server in plan.servers if server.key not in ASIDE]
    shown = {
        (row.key, server.key): value
        for row in rows
        for server in servers
        if (value := results.median(row, server.key, "deliveries"))
    }
    low = math.floor(math.log10(min(shown.values(), default=1000)))
    high = math.log10(1.5 * max(shown.values(), default=1_000_000))
    body, y = [], TOP
    for row in rows:
        body.append(f'<text class="heading" x="0" y="{y + 20}">{escape(row.title)}</text>')
        y += HEADING
        there = [server for server in servers if (row.key, server.key) in shown]
        for server in sorted(there, key=lambda server: -shown[row.key, server.key]):
            body += dot(row, server, shown[row.key, server.key], y + LINE / 2, low, high)
            y += LINE
    axis = list(ticks(low, high, y))
    title = "deliveries a second, one server core, log scale; Roomline stores every message, the others none"
    body.append(f'<text x="{LEFT}" y="{y + 40}">{title}</text>')
    size = f'viewBox="0 0 {WIDTH} {y + BOTTOM}" width="{WIDTH}" height="{y + BOTTOM}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>{STYLE}</style>", *axis, *body, "</svg>", ""])


def dot(row: Row, server: Server, value: float, y: float, low: int, high: float) -> list[str]:
    """A server's line: its name, its place, its figure."""
    kind, colour = (' class="ours"', OURS) if server.ours else ("", PEERS)
    x = place(value, low, high)
    return [
        f'<text{kind} x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(server.title)}</text>',
        f'<path d="M{LEFT} {y}H{x:.0f}" stroke="{INK}" stroke-opacity=".35" stroke-dasharray="1 3"/>',
        f'<circle cx="{x:.0f}" cy="{y}" r="5" fill="{colour}"/>',
        f'<text{kind} x="{x + 10:.0f}" y="{y + 4}">{rounded(value):,.0f}</text>',
    ]


def ticks(low: int, high: float, bottom: float) -> Iterator[str]:
    """A line for each power of ten."""
    for power in range(low, math.floor(high) + 1):
        x = place(10.0**power, low, high)
        yield f'<path d="M{x:.0f} {TOP}V{bottom}" stroke="{INK}" stroke-opacity=".25"/>'
        yield f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>'


def place(value: float, low: int, high: float) -> float:
    """Where on the axis."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low)
