#!/usr/bin/env python3
"""Runs a command of the site from any folder, with nothing activated: `.venv` beside this file is used if there is one.

The syntax stays that of Python 3.6, so that an old Python meets the line that says so and no SyntaxError.
"""

import gc
import os
import sys

CALLERS_ENVIRONMENT = dict(os.environ)
HOME = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(HOME, ".venv")


def use_venv() -> None:
    """Starts over in .venv, unless this Python has the packages already."""
    from importlib.util import find_spec

    if find_spec("channels") or os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        return
    python = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    if not os.access(python, os.X_OK):
        give_up("Roomline is not set up yet: run `make run` in " + HOME)
    again = [python] + getattr(sys, "orig_argv", [""] + sys.argv)[1:]  # orig_argv also has -X, -W, -m
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(again))  # execv there loses the exit code
    os.execv(python, again)


def prepare() -> None:
    """Names the settings, and keeps the caller's TZ for what commands print: Django overwrites it with the site's."""
    for name in ("ROOMLINE_CALLER_TZ", "ROOMLINE_OWN_SETTINGS"):
        os.environ.pop(name, None)
    if "TZ" in os.environ:
        os.environ["ROOMLINE_CALLER_TZ"] = os.environ["TZ"]
    if "DJANGO_SETTINGS_MODULE" not in os.environ:  # told from the caller's own, which the programs we start inherit
        os.environ["DJANGO_SETTINGS_MODULE"] = os.environ["ROOMLINE_OWN_SETTINGS"] = "chatproject.settings"


def run(arguments: "list[str]") -> None:
    """Runs one command line, without the program's name. A setting that cannot be used is one line on stderr."""
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["manage.py"] + arguments)
    except ImproperlyConfigured as error:
        if "--traceback" in arguments and not job_of(arguments):
            raise
        give_up("Roomline's settings: {}".format(error))
    except ModuleNotFoundError as error:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        if "{}.".format(module).startswith("{}.".format(error.name)) and "--traceback" not in arguments:
            give_up("Roomline's settings: there is no module {!r}, which DJANGO_SETTINGS_MODULE names".format(module))
        raise


def job_of(arguments: "list[str]") -> "list[str]":
    """The command line of the job that `chat_send --run` is to run; empty if it is another command."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[cut + 1 :] if arguments[:1] == ["chat_send"] and "--run" in arguments[:cut] else []


def give_up(reason: str) -> None:
    """Ends with this line. A job runs all the same, in our place: it needs no chat, and stderr has what it prints."""
    job = job_of(sys.argv[1:])
    if not job:
        sys.exit(reason)
    import signal

    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if sys.stderr is None:
        os.dup2(nothing, 2)
    os.dup2(2, 1)
    os.write(2, (reason + "\n").encode("utf-8", "backslashreplace"))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the job would inherit that
    try:
        os.execvpe(job[0], job, CALLERS_ENVIRONMENT)
    except OSError as error:
        os.write(2, "{}: {}\n".format(ascii(job[0]), error.strerror).encode())
        sys.exit(127 if isinstance(error, (FileNotFoundError, NotADirectoryError)) else 126)


def die_of_interrupt() -> None:
    """Ends as Ctrl-C ends a program that has no rules of its own for it, so that a shell sees it right."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    gc.set_threshold(50000, 20, 20)  # what loads now stays: to look for garbage in it again and again costs 30 ms
    use_venv()
    if sys.version_info < (3, 11):
        version = "{}.{}".format(*sys.version_info[:2])
        give_up("Roomline needs Python 3.11, this is {}: run `make run` in {}".format(version, HOME))
    try:
        import channels  # noqa: F401
    except ImportError as error:
        give_up("Roomline's packages are not complete ({}): run `make run` in {}".format(error, HOME))
    prepare()
    try:
        run(sys.argv[1:])
    except KeyboardInterrupt:  # before the command begins, or in one of Django's
        die_of_interrupt()


if __name__ == "__main__":
    main()
