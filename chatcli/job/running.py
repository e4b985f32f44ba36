"""Runs a job to its end. Knows nothing of chats and settings: a job must run without either.

The job has no standard input and a session of its own; both its outputs go into one pipe, of which the end is kept.
"""

import errno
import os
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from chatcli.job.output import Tail

#: What ends us is for the job: from the terminal, from a service manager.
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Seconds for what the job left behind (`exec > >(tee log)`) to come out; who keeps the pipe longer is no part of it.
DRAIN_S = 1.0
READ = 65536
NOT_FOUND, NOT_EXECUTABLE, KILLED = 127, 126, 128


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: `code` as a shell has it, and the end of what it printed.

    `signal` killed it, `obstacle` is why it could not start; at most one of them is given.
    """

    code: int
    seconds: float
    output: bytes = b""
    signal: int | None = None
    obstacle: str | None = None


def run_job(
    command: Sequence[str], environment: Mapping[str, str], forwarded: Sequence[signal.Signals] = ()
) -> Outcome:
    """Run the command to its end, as a shell would find and start it. `forwarded`: main thread only.

    Whatever interrupts this function ends the job first (SIGTERM) and waits for it.
    """
    started = time.monotonic()
    with _forwarding(forwarded) as leash:
        try:
            with _uninterrupted():
                try:
                    process = leash.hold(_start(command, environment))
                except OSError as error:
                    missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
                    name = os.fsencode(command[0]).decode("utf-8", "replace")
                    reason = f"{name}: {error.strerror}"
                    code = NOT_FOUND if missing else NOT_EXECUTABLE
                    return Outcome(code, time.monotonic() - started, obstacle=reason)
            output, ended = _read_to_end(process)
        finally:
            leash.end()
    killer = -process.returncode if process.returncode < 0 else None
    code = process.returncode if killer is None else KILLED + killer
    return Outcome(code, ended - started, output, signal=killer)


def _start(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Find and start it as execvp and every shell do: a program without a #! line is a script for sh."""
    program = shutil.which(command[0], path=environment.get("PATH", os.defpath)) or command[0]

    def start(*arguments: str, executable: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603  the caller's own command line
            arguments,
            executable=executable,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    try:
        return start(*command, executable=program)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        return start("sh", program, *command[1:], executable="/bin/sh")


def _read_to_end(process: "subprocess.Popen[bytes]") -> tuple[bytes, float]:
    """The end of its output, and the moment when it ended."""
    assert process.stdout is not None
    tail, pipe = Tail(), process.stdout.fileno()
    with _end_of(process) as end, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(end, selectors.EVENT_READ)
        ended: float | None = None
        while selector.get_map():
            left = None if ended is None else ended + DRAIN_S - time.monotonic()
            if left is not None and left <= 0:
                break
            for key, _ in selector.select(left):
                if key.fd == end:
                    ended = time.monotonic()
                    selector.unregister(end)
                elif data := os.read(pipe, READ):
                    tail.feed(data)
                else:
                    selector.unregister(pipe)
    assert ended is not None
    return tail.kept, ended


@contextmanager
def _end_of(process: "subprocess.Popen[bytes]") -> Iterator[int]:
    """A descriptor that can be read once the process has ended."""
    reading, writing = os.pipe()

    def wait() -> None:
        process.wait()
        os.close(writing)

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    try:
        yield reading
    finally:
        if process.returncode is not None:
            waiter.join()
        os.close(reading)


class _Leash:
    """Passes signals to the job's whole group, also those that came before it was started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def hold(self, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self._process = process
        for number in self._early:
            self.pull(number)
        return process

    def end(self) -> None:
        """End the job, if it runs, and wait for it before its output closes: who writes there still would die of it."""
        if self._process is not None:
            self.pull(signal.SIGTERM)
            with self._process:
                self._process.wait()

    def pull(self, number: int, frame: object = None) -> None:
        """A signal handler, too."""
        if self._process is None:
            self._early.append(number)
        elif self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Python's Ctrl-C waits for the end of the block: a job that has started a moment ago would get lost."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def _forwarding(signals: Sequence[signal.Signals]) -> Iterator[_Leash]:
    leash = _Leash()
    # what is ignored stays so, for the job too: nohup and a shell's background mean it
    before = {number: handler for number in signals if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, leash.pull)
    try:
        yield leash
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
