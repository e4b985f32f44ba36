"""Events as lines of the user's own form: `{username}: {message}`. Pure; knows no more of Python's format language."""

import re
from argparse import ArgumentTypeError, _ActionsContainer
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from chatcli.console import one_line
from chatcli.render import local, safe_name
from chatcore.events import Author, Event, Message

TIMES = ("created_at", "edited_at", "expires_at")
FIELDS = ("type", *Message.__struct_fields__)

# A brace that stands for itself, a field with its form, or a brace that is neither
_PIECES = re.compile(r"(?P<literal>\{\{|\}\})|\{(?P<field>[^{}:]*)(?P<colon>:)?(?P<form>[^{}]*)\}|(?P<stray>[{}])")


class Template:
    """A line with the fields of the message object in it; times are written as `strftime` has it, in `zone`."""

    def __init__(self, source: str, zone: tzinfo) -> None:
        """ArgumentTypeError, for a user to read, if `source` is no template."""
        self._zone = zone
        self._pieces: list[str | Callable[[Event], str]] = []
        end = 0
        for found in _PIECES.finditer(source):
            self._pieces += [source[end : found.start()], self._piece(found)]
            end = found.end()
        self._pieces.append(source[end:])

    def line(self, event: Event) -> str:
        """The template with the event's fields in it. Only its text may have several lines."""
        return "".join(piece if isinstance(piece, str) else piece(event) for piece in self._pieces)

    def _piece(self, found: re.Match[str]) -> str | Callable[[Event], str]:
        if found["literal"]:
            return found["literal"][0]
        if found["stray"]:
            raise ArgumentTypeError(f"a {found['stray']} of its own: write {found['stray'] * 2} for the character")
        name, form = found["field"], found["form"]
        if name not in FIELDS:
            raise ArgumentTypeError(f"no field {name!r}: {', '.join(FIELDS)}")
        if name in TIMES:
            return self._time(name, form)
        if found["colon"]:
            raise ArgumentTypeError(f"{{{name}}} takes no form; times do, as {{created_at:%H:%M}}")
        return lambda event: _text(name, _value(event, name))

    def _time(self, name: str, form: str) -> Callable[[Event], str]:
        try:
            datetime.now(UTC).strftime(form)
        except ValueError as error:
            raise ArgumentTypeError(f"{form!r} is no form of a time: {error}") from None

        def time(event: Event) -> str:
            when = getattr(event, name)
            if when is None:
                return ""
            there = local(when, self._zone)
            return there.strftime(form) if form else there.isoformat(timespec="seconds")

        return time


def _value(event: Event, name: str) -> Any:
    return type(event).__struct_config__.tag if name == "type" else getattr(event, name)


def _text(name: str, value: Any) -> str:
    """A value as it stands in a line."""
    if value is None or value is msgspec.UNSET:
        return ""
    if name == "message":
        return str(value)
    if name == "username":
        return safe_name(value)
    if isinstance(value, Author):
        value = value.name
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, list):
        value = ",".join(value)
    return one_line(str(value))


def template(text: str) -> str:
    """The type of an option: what Template takes."""
    Template(text, UTC)
    return text


def add_arguments(parser: _ActionsContainer) -> None:
    """The option that names the template."""
    parser.add_argument(
        "--template",
        type=template,
        metavar="STRING",
        help="one line an event, as '{created_at:%%H:%%M} {username}: {message}'; fields: " + ", ".join(FIELDS),
    )
