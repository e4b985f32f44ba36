"""Reads `roomline.env` and the process environment as typed values; knows no setting by name.

A value that cannot be used is an ImproperlyConfigured of one line: variable, value, and what a good one is like.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

OURS = ("CHAT_", "DJANGO_")
FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
RATE = r"off|[1-9][0-9]{0,17}/[smh]( burst [1-9][0-9]{0,17})?"
ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def file_values(path: Path) -> dict[str, str]:
    """The KEY=VALUE lines of a file as systemd's EnvironmentFile= has them; no file is no values.

    Blank lines and lines that begin with # or ; are skipped, one pair of quotes around a value is taken off,
    nothing in a value is expanded.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path.name} cannot be read: {error}") from error
    values = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        match = ASSIGNMENT.fullmatch(line)
        if match is None:
            raise ImproperlyConfigured(f"{path.name}, line {number}: expected KEY=VALUE, for example CHAT_SIGNUP=off")
        name, value = match.groups()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name] = value
    return values


class Environment:
    """The values of one file, overruled by those of the process. An empty value counts as none."""

    def __init__(self, path: Path, process: Mapping[str, str] = os.environ) -> None:
        self.path = path
        self.file = file_values(path)
        self.values = {**self.file, **process}
        self.asked: set[str] = set()

    def text(self, name: str) -> str | None:
        self.asked.add(name)
        return self.values.get(name, "").strip() or None

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name)
        if value is None:
            return default
        try:
            return FLAGS[value.lower()]
        except KeyError:
            raise bad(name, value, "on or off") from None

    def number(self, name: str, *, default: int, low: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,18}", value) or int(value) < low:
            raise bad(name, value, f"a whole number from {low} up, as {default}")
        return int(value)

    def choice(self, name: str, choices: Collection[str], *, default: str) -> str:
        value = self.text(name) or default
        if value not in choices:
            raise bad(name, value, " or ".join(choices))
        return value

    def matching(self, name: str, pattern: str, *, default: str | None = None, example: str) -> str | None:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(pattern, value):
            raise bad(name, value, f"something like {example}")
        return value

    def rate(self, name: str, *, default: str) -> str | None:
        """So many in a second, minute or hour, perhaps with a burst."""
        return self.matching(name, RATE, default=default, example=f"{default}, or off")

    def folder(self, name: str, *, default: Path, home: Path) -> Path:
        """An absolute path; a relative one hangs on `home`, never on the current folder."""
        value = self.text(name)
        return default if value is None else home / value

    def url(self, name: str, schemes: Collection[str], *, example: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            url = urlsplit(value)
            usable = url.scheme in schemes and (url.hostname or url.path.strip("/")) and url.port != 0
        except ValueError:  # a port that is no number, half a bracket
            usable = False
        if not usable:
            raise bad(name, value, f"something like {example}")
        return value

    def words(self, name: str) -> list[str]:
        """Separated by commas or blanks."""
        return re.split(r"[,\s]+", value) if (value := (self.text(name) or "").strip(", ")) else []

    def refuse_unknown(self) -> None:
        """To be called when all settings are read: a mistyped name in the file must not be passed over in silence."""
        from difflib import get_close_matches  # only here, it is slow to import

        unknown = [name for name in self.file if name.startswith(OURS) and name not in self.asked]
        for name in unknown:
            if name != "DJANGO_SETTINGS_MODULE":
                near = get_close_matches(name, self.asked, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ImproperlyConfigured(f"{self.path.name}: there is no setting {name}{hint}")


def bad(name: str, value: str, expected: str) -> ImproperlyConfigured:
    """The error for a value that cannot be used; a password inside a URL is not repeated."""
    shown = re.sub(r"(://[^@:/]*:).*@", r"\1***@", value)
    return ImproperlyConfigured(f"{name}={shown!r} cannot be used: expected {expected}")
