"""How long a job took is nothing that a test may expect."""

import re


def timeless(text: str) -> str:
    """A report with `a while` in the place of the time that the job took."""
    return re.sub(r"after (less than a second|\d+ \w+( \d+ \w+)?)$", "after a while", text, flags=re.MULTILINE)
