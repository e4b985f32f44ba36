#!/usr/bin/env python3
"""Runs a command of the site from any folder, with nothing activated: `.venv` beside this file is used if there is one.

The syntax stays that of Python 3.6, so that an old Python meets the line that says so and no SyntaxError.
"""

import os
import sys

HOME = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(HOME, ".venv")


def use_venv() -> None:
    """Starts over in .venv, unless this Python has the packages already."""
    from importlib.util import find_spec

    if find_spec("channels") or os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        return
    python = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    if not os.access(python, os.X_OK):
        sys.exit("Roomline is not set up yet: run `make run` in " + HOME)
    again = [python] + getattr(sys, "orig_argv", [""] + sys.argv)[1:]  # orig_argv also has -X, -W, -m
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(again))  # execv there loses the exit code
    os.execv(python, again)


def prepare() -> None:
    """Names the settings, and keeps the caller's TZ for what commands print: Django overwrites it with the site's."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    os.environ.pop("ROOMLINE_CALLER_TZ", None)
    if "TZ" in os.environ:
        os.environ["ROOMLINE_CALLER_TZ"] = os.environ["TZ"]


def run(arguments: "list[str]") -> None:
    """Runs one command line, without the program's name. A setting that cannot be used is one line on stderr."""
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["manage.py"] + arguments)
    except ImproperlyConfigured as error:
        if "--traceback" in arguments:
            raise
        sys.exit("Roomline's settings: {}".format(error))


def die_of_interrupt() -> None:
    """Ends as Ctrl-C ends a program that has no rules of its own for it, so that a shell sees it right."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    use_venv()
    if sys.version_info < (3, 11):
        version = "{}.{}".format(*sys.version_info[:2])
        sys.exit("Roomline needs Python 3.11, this is {}: run `make run` in {}".format(version, HOME))
    try:
        import channels  # noqa: F401
    except ImportError as error:
        sys.exit("Roomline's packages are not complete ({}): run `make run` in {}".format(error, HOME))
    prepare()
    try:
        run(sys.argv[1:])
    except KeyboardInterrupt:  # before the command begins, or in one of Django's
        die_of_interrupt()


if __name__ == "__main__":
    main()
