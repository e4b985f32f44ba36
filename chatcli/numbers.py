"""Numbers on the command line, as types of options."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable

PRIORITIES = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5}


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number from `low` up to `high`, or as databases can hold it."""

    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < low or (high is not None and int(text) > high):
            raise ArgumentTypeError(f"{text!r} is no whole number from {low} {'up' if high is None else f'to {high}'}")
        return int(text)

    return number


def priority(text: str) -> int:
    """`1` to `5`, or their names."""
    number = PRIORITIES.get(text, int(text) if text in ("1", "2", "3", "4", "5") else None)
    if number is None:
        raise ArgumentTypeError(f"{text!r} is no priority: write 1 to 5, or {', '.join(PRIORITIES)}")
    return number
