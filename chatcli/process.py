"""What a command owes the shell that started it: sound streams, and a death by the signal that ends it.

`streams` and `die_of_signals` are for a process that is the command's own, never for `call_command`.
"""

import gc
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class OutputLost(OSError):
    """The output cannot be written: the reader has gone, the disk is full. `done`: the work itself was done."""

    def __init__(self, error: OSError | ValueError) -> None:
        super().__init__(getattr(error, "strerror", None) or str(error))
        self.reader_gone = isinstance(error, (BrokenPipeError, ConnectionResetError))
        self.done = False


@contextmanager
def streams(speaker: str = "CommandError") -> Iterator[None]:
    """Run the command with streams that cannot surprise it; a lost output is one line, a gone reader is success.

    `speaker`: with what that line begins.
    """
    _occupy_standard_descriptors()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # closed, or not a real one
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            yield
        except SystemExit:
            _flush()
            raise
        _flush()
    except OutputLost as lost:
        discard_output()
        if lost.reader_gone:
            sys.exit(0)
        after = "done, but " if lost.done else ""
        sys.exit(f"{speaker}: {after}the output cannot be written: {lost}")
    finally:
        with suppress(AttributeError):
            _discard_unless_written(sys.stderr)


def _flush() -> None:
    """What argparse printed waits in the buffer still."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise OutputLost(error) from error


def discard_output() -> None:
    """Let what waits in the buffer go nowhere, or the interpreter would meet the same error when it ends."""
    with suppress(AttributeError):
        _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _discard_unless_written(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        _discard(stream)


def callers_environment() -> dict[str, str]:
    """The environment as we were given it, for other programs: without what manage.py and Django have put there."""
    environment = dict(os.environ)
    zone, settings = environment.pop("ROOMLINE_CALLER_TZ", None), environment.pop("ROOMLINE_OWN_SETTINGS", None)
    if zone is not None:
        environment["TZ"] = zone
    elif "TZ" in environment and environment["TZ"] == _django_zone():
        del environment["TZ"]
    if settings is not None and environment.get("DJANGO_SETTINGS_MODULE") == settings:
        del environment["DJANGO_SETTINGS_MODULE"]
    return environment


def _django_zone() -> str | None:
    """What Django has set TZ to, where there is Django in this process."""
    django: Any = sys.modules.get("django.conf")
    zone: str | None = django and django.settings.TIME_ZONE
    return zone


def _occupy_standard_descriptors() -> None:
    """No file of ours shall get the number of a stream that the caller closed, and be written to as one."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)


def die_of_signals() -> None:
    """Let Ctrl-C end the process as SIGTERM does: at once, also while SQLite waits for a lock, and seen by the shell.

    There is nothing to clean up: a transaction rolls back, locks go with the process, the heads tell of a lost ring.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, as in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def settle_memory() -> None:
    """What is loaded stays: from here on the search for garbage leaves it out, and is as thorough as Python's own.

    manage.py lets it be rare while modules load.
    """
    gc.freeze()
    gc.set_threshold(2000, 10, 10)


class Reader:
    """Who reads the output; `gone` once the other end of the pipe is closed."""

    gone = False


@contextmanager
def watching_reader(stream: Any, stop: Callable[[], object]) -> Iterator[Reader]:
    """Call `stop` when the reader of a pipe goes away, which a command that waits would else learn by writing.

    Inside a running event loop. A stream that is no pipe is left alone.
    """
    import asyncio  # most commands have no loop

    reader = Reader()
    loop = asyncio.get_running_loop()

    def notice() -> None:
        reader.gone = True
        loop.remove_reader(descriptor)
        stop()

    try:
        descriptor = stream.fileno()
        watched = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        if watched:
            loop.add_reader(descriptor, notice)  # the writing end is readable only in that it has failed
    except (AttributeError, OSError, ValueError, NotImplementedError):
        watched = False
    try:
        yield reader
    finally:
        if watched:
            loop.remove_reader(descriptor)
