"""What `chat_send --run` does around the job: before it nothing can fail but the command line, after it only the post.

The exit code is the job's. A report that cannot be sent is told on stderr, with all that it would have said.
"""

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from chatcli.base import LocalCommand
from chatcli.console import INDENT, one_line, plain
from chatcli.job.report import fitted, report, result
from chatcli.job.running import FORWARDED, Outcome, run_job
from chatcli.process import OutputLost, callers_environment, discard_output
from chatcore.exceptions import TooLong

TAIL_LINES = 20
HIGH = 4

Options = dict[str, Any]


def run_and_report(command: LocalCommand, options: Options, send: Callable[[Options], object]) -> None:
    """Run the job of `options`, then `send` its report: called with the options of a message without a job.

    A job that fails ends the process with its code, or called from Python raises a CommandError with it.
    """
    if options.get("stderr"):  # as Django does, but later than we may need it
        command.stderr = OutputWrapper(options["stderr"])
    outcome = _run(options["job"], own_process=command.own_process)
    text = report(_title(options), outcome, TAIL_LINES if options["tail_lines"] is None else options["tail_lines"])
    if options["on"] in (None, "always", "failure" if outcome.code else "success"):
        try:
            _send_fitting(text, outcome, options, send)
        except OutputLost as lost:
            if command.own_process:
                discard_output()
            if not lost.reader_gone:
                _tell(command, f"the report is sent, but the output cannot be written: {lost}")
        except Exception as error:  # whatever it is, the code is the job's
            _tell(command, f"while sending the report: {error}", text, trace=options["traceback"])
    if outcome.code:
        if command.own_process:
            sys.exit(outcome.code)
        raise CommandError(f"the job {one_line(result(outcome))}", returncode=outcome.code)


def _run(job: Sequence[str], *, own_process: bool) -> Outcome:
    """Run the job. Signals are for it alone: once it has ended its code is ours, and --timeout bounds what is left."""
    outcome = run_job(job, callers_environment(), FORWARDED if own_process else ())
    for number in FORWARDED if own_process else ():
        signal.signal(number, signal.SIG_IGN)
    return outcome


def _title(options: Options) -> str:
    return str(options["room"]) if options["everywhere"] else " ".join(options["text"])


def _send_fitting(text: str, outcome: Outcome, options: Options, send: Callable[[Options], object]) -> None:
    """Send the report, cut to the limit of the room once that has been heard of."""
    message = {**options, "job": None, "on": None, "tail_lines": None}
    if outcome.code and options["priority"] is None:
        message["priority"] = HIGH
    while True:
        message.update({"room": text} if options["everywhere"] else {"text": [text]})
        try:
            send(message)
            return
        except CommandError as error:
            refusal = error.__cause__
            if not isinstance(refusal, TooLong) or refusal.limit >= len(text):
                raise
            text = fitted(text, refusal.limit)


def _tell(command: LocalCommand, line: str, text: str = "", *, trace: bool = False) -> None:
    """On stderr, also if asked to be quiet: an error, and what should have been sent."""
    with suppress(OSError, ValueError):  # it may be closed or full: the code is the job's
        if trace:
            command.stderr.write(plain(traceback.format_exc()), str)
        command.stderr.write(f"CommandError: {one_line(line)}")
        if text:
            command.stderr.write(plain(text).replace("\n", f"\n{INDENT}"), str)
        command.stderr.flush()
