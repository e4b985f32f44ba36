"""The report of a job, as the text of a message: a line with how it ended, then the end of its output."""

import signal

from chatcli.job.output import last_lines
from chatcli.job.running import Outcome
from chatcli.times import lasting

CUT = "…"


def report(title: str, outcome: Outcome, lines: int) -> str:
    """`title`, how the job ended, and the last `lines` lines of what it printed."""
    return f"{title}: {result(outcome)}\n{last_lines(outcome.output, lines)}".rstrip()


def fitted(text: str, limit: int) -> str:
    """A report in at most `limit` characters: the output loses its beginning, the first line stays if it can."""
    if len(text) <= limit:
        return text
    first, _, output = text.lstrip().partition("\n")  # a title may begin with empty lines
    left = limit - len(first) - len("\n") - len(CUT)
    if left > 0:
        return f"{first}\n{CUT}{output[-left:]}"
    return first if len(first) <= limit else CUT + first[len(first) - limit + len(CUT) :]


def result(outcome: Outcome) -> str:
    """How the job ended, as the rest of a sentence that begins with its title."""
    if outcome.obstacle is not None:
        return f"could not start: {outcome.obstacle}"
    after = f"after {lasting(outcome.seconds)}"
    if outcome.signal is not None:
        return f"was killed by {_name(outcome.signal)} {after}"
    return f"failed with exit code {outcome.code} {after}" if outcome.code else f"ok {after}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one
