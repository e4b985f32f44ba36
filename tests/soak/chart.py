"""Lines over time as SVG, with what went wrong marked. Colours are readable on white and on black."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tests.soak.trouble import Event

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 320, 70, 20, 40, 60
COLOURS = ("#d9541e", "#5b87b5", "#4c9a5a", "#9a6fb0")
INK = "#6f7a86"
STYLE = f"text {{ font: 12px system-ui, sans-serif; fill: {INK} }} .title {{ font-weight: 600 }}"
Line = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Scale:
    """Where a moment and a value are in the picture."""

    end: float
    low: float
    high: float
    logarithmic: bool

    def x(self, at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(at, self.end) / self.end

    def y(self, value: float) -> float:
        value = math.log10(value) if self.logarithmic else value
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - self.low) / (self.high - self.low))

    def ticks(self) -> list[float]:
        """Values that are named at the side."""
        if self.logarithmic:
            return [10.0**power for power in range(int(self.low), int(self.high) + 1)]
        return [self.low + (self.high - self.low) * step / 4 for step in range(5)]


def chart(title: str, lines: Mapping[str, Line], events: Sequence[Event], *, logarithmic: bool = False) -> str:
    """`lines` by their names: pairs of seconds and a value. On a logarithmic scale what is not above 0 is left out."""
    shown = {name: [point for point in line if point[1] > 0 or not logarithmic] for name, line in lines.items()}
    scale = fitting([point for line in shown.values() for point in line], logarithmic=logarithmic)
    body = [f'<text x="{LEFT}" y="20" class="title">{escape(title)}</text>', *faults(events, scale), *axes(scale)]
    for number, (name, line) in enumerate(shown.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in line)
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        body.append(f'<text x="{LEFT + 190 * number}" y="{HEIGHT - 8}" style="fill: {colour}">{escape(name)}</text>')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><style>{STYLE}</style>'
    return "\n".join([head, *body, "</svg>", ""])


def fitting(points: Line, *, logarithmic: bool) -> Scale:
    """The scale on which all of them have their place."""
    end, values = max([1.0, *(at for at, _ in points)]), [value for _, value in points] or [1.0]
    if not logarithmic:
        return Scale(end, 0.0, max(1.1 * max(values), 1.0), logarithmic)
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return Scale(end, low, max(high, low + 1), logarithmic)


def faults(events: Sequence[Event], scale: Scale) -> Iterator[str]:
    """A shade from the beginning of each to its end, which says what it was."""
    for event in events:
        x, right = scale.x(event.begun), scale.x(event.ended)
        place = f'x="{x:.1f}" y="{TOP}" width="{max(1.0, right - x):.1f}" height="{HEIGHT - TOP - BOTTOM}"'
        yield f'<rect {place} fill="{INK}" fill-opacity=".25"><title>{escape(event.name)}</title></rect>'


def axes(scale: Scale) -> Iterator[str]:
    """Values at the side, minutes below."""
    for value in scale.ticks():
        y = scale.y(value)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-opacity=".25"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    step = max(0.5, round(scale.end / 60 / 10))
    for number in range(int(scale.end / 60 / step) + 1):
        x = scale.x(60 * step * number)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step * number:g} min</text>'
