"""What a room is, as `KEY=VALUE` on a command line."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chatcli.numbers import whole
from chatcli.times import duration
from chatcore.services.rooms import FOREVER

#: A field of the room, and its new value.
Assignment = tuple[str, Any]


def retention(text: str) -> timedelta:
    """How long messages are kept: a length of time, or `forever`."""
    return FOREVER if text == "forever" else duration(text)


def assignment(text: str) -> Assignment:
    """`title=Operations`, `private=yes`, ...: an empty value is none."""
    key, sign, value = text.partition("=")
    name = key.replace("-", "_")
    if not sign or name not in _READERS:
        keys = ", ".join(_READERS).replace("_", "-")
        wrong = f"there is no key {key!r}" if sign and key else f"{text!r} is no KEY=VALUE"
        raise ArgumentTypeError(f"{wrong}: the keys are {keys}")
    try:
        return name, _READERS[name](value)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{key}: {error}") from None


def _switch(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ArgumentTypeError(f"{text!r} is neither yes nor no")
    return text == "yes"


def _kept_for(text: str) -> timedelta | None:
    length = retention(text or "forever")
    return length if length > FOREVER else None


def _longest(text: str) -> int | None:
    return whole(1)(text) if text else None


_READERS: dict[str, Callable[[str], Any]] = {
    "title": str,
    "topic": str,
    "private": _switch,
    "announce_only": _switch,
    "retention": _kept_for,
    "max_length": _longest,
}
