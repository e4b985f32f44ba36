"""What a look at one part of the chat has found: how bad it is, what it is, what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType


class Level(IntEnum):
    """How bad it is. INFO is worth knowing and needs nothing done."""

    OK = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `id` is empty for what is sound; `figures` are measures, their unit in the name."""

    part: str
    level: Level
    what: str
    hint: str = ""
    id: str = ""
    figures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among them; OK if there are none."""
    return max((finding.level for finding in findings), default=Level.OK)
