"""Times and lengths of time as people write them. Used as types of options: what is wrong is told by argparse."""

import os
import re
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST = timedelta(days=36_500)
LONGEST_WAIT = 2_000_000  # in milliseconds it must fit 32 bits, as SQLite takes it
EXAMPLES = "90s, 10m, 2h, 1d, 18:30, 2026-11-22, 2026-11-22 18:30, 2026-11-22T18:30:00Z or Unix seconds"

_LOCALTIME = "/etc/localtime"
# Compiled when they are needed first: most commands are given no time
_DURATION = r"([0-9]{1,12})([smhd])"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}"
_UNIX = r"[0-9]{9,11}(\.[0-9]{1,9})?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"


def caller_zone() -> tzinfo:
    """The zone of who called: TZ as manage.py found it, before Django set its own; else the site's TIME_ZONE.

    Without Django: TZ, else the machine's zone.
    """
    import zoneinfo  # few command lines name a time of day
    from pathlib import Path

    for name in _zone_names():
        try:
            return zoneinfo.ZoneInfo(name.removeprefix(":").rpartition("zoneinfo/")[2])
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue  # TZ may also be a rule, such as CET-1CEST
    try:
        with Path(_LOCALTIME).open("rb") as copy:  # and no link that tells a name, as in some images
            return zoneinfo.ZoneInfo.from_file(copy, key="local time")
    except (OSError, ValueError):
        return UTC


def _zone_names() -> tuple[str, ...]:
    django: Any = sys.modules.get("django.conf")
    if django is not None:
        return os.environ.get("ROOMLINE_CALLER_TZ", ""), django.settings.TIME_ZONE
    return os.environ.get("TZ", ""), os.path.realpath(_LOCALTIME)


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h`, `1d`."""
    match = re.fullmatch(_DURATION, text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no length of time: write 90s, 10m, 2h or 1d")
    number, unit = int(match[1]), UNITS[match[2]]
    if not timedelta(0) < (length := min(number, LONGEST // unit + 1) * unit) <= LONGEST:
        raise ArgumentTypeError(f"{text} is too {'long' if number else 'short'}: from 1s to {LONGEST.days}d")
    return length


def seconds(text: str) -> float:
    """A time to wait: seconds above 0, or with a unit as `duration` has it."""
    if re.fullmatch(_DURATION, text):
        value = duration(text).total_seconds()
    elif re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        value = float(text)
    else:
        raise ArgumentTypeError(f"{text!r} is no time to wait: write seconds, such as 10 or 0.5, or 5m")
    if not 0 < value <= LONGEST_WAIT:
        raise ArgumentTypeError(f"{text} is no time to wait: from above 0 to {LONGEST_WAIT} seconds")
    return value


def lasting(seconds: float) -> str:
    """`3 h 12 min`: a length of time by its two largest units."""
    left = round(seconds)
    if not left:
        return "less than a second"
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        parts.append(f"{count} {unit}" if count else "")
    first = next(place for place, part in enumerate(parts) if part)
    return " ".join(filter(None, parts[first : first + 2]))


def when(due_at: datetime) -> str:
    """`Sun 22 Nov 18:00 CET (in 3 h 12 min)`, in the caller's zone; the year if it is another one."""
    now, local = datetime.now(UTC), due_at.astimezone(caller_zone())
    year = f" {local.year}" if local.year != now.astimezone(caller_zone()).year else ""
    left = (due_at - now).total_seconds()
    left = left if left < 60 else 60 * round(left / 60)
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M %Z} ({f'in {lasting(left)}' if left > 0 else 'now'})"


def since(text: str) -> datetime:
    """A moment in the past: so long ago, the last HH:MM, or what `moment` understands."""
    now, zone = datetime.now(UTC), caller_zone()
    if re.fullmatch(_DURATION, text):
        return now - duration(text)
    if re.fullmatch(_CLOCK, text):
        return _last(text, now.astimezone(zone), zone)
    found = _told(text, zone)
    if found > now:
        raise ArgumentTypeError(f"{text} is in the future ({found:%Y-%m-%d %H:%M:%S %Z})")
    return found


def future(text: str) -> datetime:
    """A moment to come: in so long a time, the next HH:MM, or what `moment` understands."""
    now, zone = datetime.now(UTC), caller_zone()
    if re.fullmatch(_DURATION, text):
        return now + duration(text)
    if re.fullmatch(_CLOCK, text):
        return _next(text, now.astimezone(zone), zone)
    if moment(text, zone) > now + LONGEST:
        raise ArgumentTypeError(f"{text} is too far away: at most {LONGEST.days} days")
    found = _told(text, zone)
    if found <= now:
        raise ArgumentTypeError(f"{text} is over ({found:%Y-%m-%d %H:%M:%S %Z})")
    return found


def until(text: str, *, since: datetime | None, ahead: bool) -> datetime:
    """An end: `ahead` of us, 10m is in so long a time and HH:MM the next one, else ago and the last one; HH:MM is the
    first one after `since`, if that is given. Or what `moment` understands."""
    now, zone = datetime.now(UTC), caller_zone()
    if re.fullmatch(_DURATION, text):
        return now + duration(text) if ahead else now - duration(text)
    if not re.fullmatch(_CLOCK, text):
        return _told(text, zone)
    if since is None and not ahead:
        return _last(text, now.astimezone(zone), zone)
    return _next(text, (since or now).astimezone(zone), zone)


def duration_or_future(text: str) -> timedelta | datetime:
    """So long from when it is sent, or until a moment to come."""
    return duration(text) if re.fullmatch(_DURATION, text) else future(text)


def moment(text: str, zone: tzinfo) -> datetime:
    """`YYYY-MM-DD[ HH:MM[:SS]]` in `zone`, RFC 3339, or Unix seconds; aware."""
    if re.fullmatch(_UNIX, text):
        return datetime.fromtimestamp(float(text), UTC)
    if not re.fullmatch(_DATE, text):
        hint = f": for {text} minutes write {text}m" if text.isdecimal() else ""
        raise ArgumentTypeError(f"{text!r} is no time{hint or ': write ' + EXAMPLES}")
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time: there is no such day or hour") from None
    return found if found.tzinfo else _placed(found, zone)


def _told(text: str, zone: tzinfo) -> datetime:
    """`moment(text, zone)`, if there is such a one in UTC, as databases have it, and in `zone`, as errors have it."""
    try:
        return moment(text, zone).astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise ArgumentTypeError(f"{text!r} is no time: there is no such year") from None


def _last(clock: str, now: datetime, zone: tzinfo) -> datetime:
    today = _today(clock, now)
    return _placed(today if today <= now.replace(tzinfo=None) else today - timedelta(days=1), zone)


def _next(clock: str, now: datetime, zone: tzinfo) -> datetime:
    today = _today(clock, now)
    return _placed(today if today > now.replace(tzinfo=None) else today + timedelta(days=1), zone)


def _today(clock: str, now: datetime) -> datetime:
    """Naive: what the clocks show then."""
    hour, minute = map(int, clock.split(":"))
    if hour > 23 or minute > 59:
        raise ArgumentTypeError(f"{clock!r} is no time: hours go from 00 to 23, minutes from 00 to 59")
    return now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None, fold=0)


def _placed(naive: datetime, zone: tzinfo) -> datetime:
    """The moment at which clocks in `zone` show this; refused if they never do, or do so twice."""
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    try:
        if first.utcoffset() == second.utcoffset():
            first.astimezone(UTC)
            return first
        exists = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == naive
    except OverflowError:
        raise ArgumentTypeError(f"{naive} is no time: there is no such year") from None
    what = "comes twice" if exists else "does not exist"
    raise ArgumentTypeError(f"{naive:%Y-%m-%d %H:%M} {what} in {zone}: clocks change; add an offset such as +01:00")
