"""Which time zone the site is in: the configured one, else the machine's."""

from __future__ import annotations

import zoneinfo
from pathlib import Path

from chatproject.environment import Environment, bad

LINK = Path("/etc/localtime")
NAME = Path("/etc/timezone")


def time_zone(env: Environment, name: str) -> str:
    configured = env.text(name)
    if configured is None:
        return machine_time_zone()
    if not is_zone(configured):
        raise bad(name, configured, "the name of a time zone like Europe/Berlin")
    return configured


def machine_time_zone() -> str:
    """The IANA name of the machine's zone by /etc/localtime or /etc/timezone; UTC when neither tells."""
    for candidate in (linked_zone(), named_zone()):
        if candidate and is_zone(candidate):
            return candidate
    return "UTC"


def linked_zone() -> str:
    try:
        return str(LINK.readlink()).partition("zoneinfo/")[2]
    except OSError:
        return ""  # no link: a copy of the file, as some images have it


def named_zone() -> str:
    try:
        return NAME.read_text(encoding="ascii", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""


def is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
