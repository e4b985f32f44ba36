"""What `chat_send --run` does around the job: before it nothing can fail but the command line, after it only the post.

The exit code is the job's. A report that cannot be sent is told on stderr, with all that it would have said.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from chatcli.console import INDENT, one_line, plain
from chatcli.job.report import fitted, report, result
from chatcli.job.running import FORWARDED, Outcome, run_job
from chatcli.process import OutputLost, callers_environment, discard_output
from chatcli.talk import Talker
from chatcore.exceptions import ChatError, TooLong

TAIL_LINES = 20
HIGH = 4

Options = dict[str, Any]


class JobFailed(ChatError):
    """The job has failed, and a program is to be told so; `exit_code` is the job's."""

    code = "job_failed"

    def __init__(self, how: str, exit_code: int) -> None:
        super().__init__(f"the job {how}")
        self.exit_code = exit_code


def run_and_report(command: Talker, options: Options, send: Callable[[Options], object]) -> None:
    """Run the job of `options`, then `send` its report: called with the options of a message without a job.

    A job that fails ends the process with its code, or called from Python raises JobFailed.
    """
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
        raise JobFailed(one_line(result(outcome)), outcome.code)


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
        except Exception as error:
            refusal = error if isinstance(error, ChatError) else error.__cause__  # Django's commands wrap it
            limit = getattr(refusal, "limit", None)
            if getattr(refusal, "code", None) != TooLong.code or limit is None or limit >= len(text):
                raise
            text = fitted(text, limit)


def _tell(command: Talker, line: str, text: str = "", *, trace: bool = False) -> None:
    """On stderr, also if asked to be quiet: an error, and what should have been sent."""
    with suppress(OSError, ValueError):  # it may be closed or full: the code is the job's
        if trace:
            import traceback

            command.stderr.write(plain(traceback.format_exc()), str)
        command.complain(line)
        if text:
            command.stderr.write(plain(text).replace("\n", f"\n{INDENT}"), str)
        command.stderr.flush()
