"""The machine: room on the disks, and a clock that can be believed."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.db import Error

from chatcli.checking.findings import Finding, Level
from chatcore import conf
from chatcore.database import connection

_SCARCE, _FULL = 1_000_000_000, 100_000_000
#: Seconds by which two clocks may differ before times of messages look odd.
SKEW_S = 2.0


def look_at_disks() -> Iterator[Finding]:
    """Bytes that are free where the data lies. A database on a server of its own has that server's disk."""
    places = [Path(conf.settings.VAR_DIR)]
    if connection.vendor == "sqlite":
        places.append(Path(str(connection.settings_dict["NAME"])).parent)
    seen: set[int] = set()
    for place in places:
        if not place.is_dir() or place.stat().st_dev in seen:
            continue
        seen.add(place.stat().st_dev)
        yield space(place, shutil.disk_usage(place).free)


def space(place: Path, free: int) -> Finding:
    """What so many free bytes mean."""
    what, figures = f"{free / 1e9:,.1f} GB free at {place}", {"free_bytes": float(free)}
    hint = "Free some space, set a retention (create_room ROOM --update --retention 30d), or move CHAT_VAR_DIR."
    if free < _FULL:
        what = f"only {free / 1e6:,.0f} MB free at {place}: soon nothing can be stored"
        return Finding("disk", Level.ERROR, what, hint, "chatcore.E120", figures)
    if free < _SCARCE:
        what = f"only {free / 1e6:,.0f} MB free at {place}"
        return Finding("disk", Level.WARNING, what, hint, "chatcore.W121", figures)
    return Finding("disk", Level.OK, what, figures=figures)


def look_at_clock() -> Iterator[Finding]:
    """Whether this machine's clock agrees with the database's: its server's, or the times that its file was written."""
    try:
        ahead = _ahead_of_server() if connection.vendor == "postgresql" else _ahead_of_file()
    except (Error, OSError):
        return  # the database's own look says why
    yield skew(ahead, "the database")


def skew(ahead: float, of: str) -> Finding:
    """What it means that this machine's clock is so many seconds ahead of another one."""
    if abs(ahead) <= SKEW_S:
        return Finding("clock", Level.OK, f"this machine's clock agrees with that of {of}")
    how = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} that of {of}"
    hint = "Let time be synchronised on both (timedatectl set-ntp true)."
    return Finding("clock", Level.WARNING, f"this machine's clock is {how}", hint, "chatcore.W122")


def _ahead_of_server() -> float:
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
        (there,) = cursor.fetchone()
        return (before + time.time()) / 2 - float(there)


def _ahead_of_file() -> float:
    """Below 0 when the database was written in the future: the clock went back since."""
    name = str(connection.settings_dict["NAME"])
    written = Path(name).stat().st_mtime
    with suppress(FileNotFoundError):  # whoever leaves the database last removes it
        written = max(written, Path(f"{name}-wal").stat().st_mtime)
    return min(0.0, time.time() - written)
