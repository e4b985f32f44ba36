"""What cannot be undone is asked for twice: by the name on the command line, or by the answer to a question."""

import sys

from django.core.management.base import CommandError

from chatcli.base import LocalCommand
from chatcli.console import one_line


def check_sure(command: LocalCommand, warning: str, name: str, given: str | None) -> None:
    """CommandError unless `given`, or else what is answered on a terminal, is `name`. `warning`: what would be lost."""
    if given is None:
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError(f"this cannot be undone: write --confirm {one_line(name)}, or --no-input", returncode=2)
        command.stderr.write(one_line(warning))
        command.stderr.write("Write the name once more to go on: ", str, ending="")
        command.stderr.flush()
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            command.stderr.write("")  # Ctrl-D: what is said next has a line of its own
        given = answer.strip()
    if given != name:
        raise CommandError(f"{one_line(given)!r} is not {one_line(name)}: nothing was done", returncode=2)
