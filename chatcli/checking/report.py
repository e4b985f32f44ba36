"""What was found, for people, for programs, and for Nagios and its kin. What comes from outside is made safe here."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from chatcli.checking.findings import Finding, Level, worst
from chatcli.console import Span, one_line

_STYLES = {Level.OK: "green", Level.INFO: "cyan", Level.WARNING: "yellow", Level.ERROR: "bold red"}
#: https://www.monitoring-plugins.org/doc/guidelines.html: plugin return codes.
NAGIOS = {Level.OK: ("OK", 0), Level.INFO: ("OK", 0), Level.WARNING: ("WARNING", 1), Level.ERROR: ("CRITICAL", 2)}
UNKNOWN = ("UNKNOWN", 3)
#: Figures that a graph is worth: their name and unit there.
_GRAPHS = {
    "probe_ms": ("probe", "ms"),
    "commit_ms": ("commit", "ms"),
    "broker_ms": ("broker", "ms"),
    "free_bytes": ("free", "B"),
}


def record(finding: Finding) -> list[Span]:
    """One finding for people: a line, and below what to do."""
    spans = [(f"{finding.level.name.lower():8}", _STYLES[finding.level]), (f"{finding.part:11}", "bold")]
    spans.append((one_line(finding.what), ""))
    if finding.id:
        spans.append((f" [{finding.id}]", "dim"))
    if finding.hint:
        spans.append((f"\n{one_line(finding.hint)}", ""))
    return spans


def json_line(finding: Finding) -> bytes:
    """One finding for programs."""
    return msgspec.json.encode(
        {
            "id": finding.id or None,
            "level": finding.level.name.lower(),
            "part": finding.part,
            "what": finding.what,
            "hint": finding.hint or None,
            "figures": dict(finding.figures),
        }
    )


def summary(findings: Sequence[Finding]) -> str:
    """How many are errors, how many warnings; that all is well if none is."""
    counts = [
        (sum(1 for finding in findings if finding.level is level), level) for level in (Level.ERROR, Level.WARNING)
    ]
    told = [f"{count} {level.name.lower()}{'s' if count > 1 else ''}" for count, level in counts if count]
    return " and ".join(told) or "all is well"


def nagios_line(findings: Sequence[Finding]) -> str:
    """One line with the status, the worst finding and the figures, as monitoring plugins print it."""
    level = worst(findings)
    about = [finding for finding in findings if finding.level is level and level >= Level.WARNING]
    text = summary(findings)
    if about:
        text += f": {about[0].part}: {about[0].what} ({about[0].hint})"
    return status_line(NAGIOS[level][0], text, dict(_graphed(findings)))


def status_line(status: str, text: str, figures: Mapping[str, str] | None = None) -> str:
    """Such a line. A bar would begin the figures, so that the text has none."""
    line = f"{status} - {one_line(text).replace('|', '/')}"
    return f"{line}|{' '.join(f'{name}={value};;' for name, value in figures.items())}" if figures else line


def _graphed(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """The worst figure of each kind: the slowest, the least free."""
    for figure, (name, unit) in _GRAPHS.items():
        values = [finding.figures[figure] for finding in findings if figure in finding.figures]
        if values:
            value = min(values) if unit == "B" else max(values)
            yield name, f"{value:g}{unit}" if unit == "ms" else f"{value:.0f}{unit}"
