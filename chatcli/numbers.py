"""Numbers on the command line, as types of options."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable


def whole(low: int) -> Callable[[str], int]:
    """A whole number from `low` up, as databases can hold it."""

    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < low:
            raise ArgumentTypeError(f"{text!r} is no whole number from {low} up")
        return int(text)

    return number
