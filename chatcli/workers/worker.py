"""One worker process, as its parent sees it: started by the parent's own command line, ready, ended for a reason."""

import asyncio
import os
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from subprocess import DEVNULL

from chatcli.process import callers_environment
from chatcli.workers.asking import Places
from chatcli.workers.handed import Handed
from chatcore.exceptions import ChatError

#: Seconds after which a worker that is not ready yet is worth a line. How long it takes is its migrations' business.
_LONG_START_S = 30.0
#: Seconds for what a worker has told to be read once it has ended. The pipe is open for longer if a child that it has
#: forked lives on.
_LAST_WORDS_S = 1.0


class WorkerFailed(ChatError):
    """A worker has ended before it was ready, or could not be started; `end` is how.

    `told`: it has said why on the standard error.
    """

    code = "worker"

    def __init__(self, end: str, exit_code: int, *, told: bool) -> None:
        super().__init__(end)
        self.exit_code, self.told = exit_code, told


@dataclass(frozen=True)
class Heritage:
    """What all workers inherit: the parent's sockets, and the ends of what binds them to it."""

    listeners: Sequence[int]
    leash: int
    #: Where each is asked by the others.
    places: Places
    #: For this account's own programs.
    local: int | None = None

    async def worker(self, number: int) -> "Worker":
        """Start this one: the same command line, so that the code is loaded that is there now. WorkerFailed."""
        try:
            ours, theirs = os.pipe()
        except OSError as error:
            raise not_started(number, error) from error
        asked = self.places[number][0].fileno() if self.places else None
        paths = {each: str(path) for each, (_, path) in self.places.items()}
        handed = Handed(number, list(self.listeners), self.leash, theirs, asked, paths, self.local)
        status, loop = asyncio.StreamReader(), asyncio.get_running_loop()
        reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(status), os.fdopen(ours, "rb"))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *sys.orig_argv[1:],
                stdin=DEVNULL,
                env={**callers_environment(), **handed.variable()},
                pass_fds=handed.descriptors(),
                start_new_session=True,  # Ctrl-C on the terminal is for the parent, which ends its workers
            )
        except OSError as error:  # no memory, or no Python there just now
            reading.close()
            raise not_started(number, error) from error
        finally:
            os.close(theirs)
        return Worker(number, process, status)


def not_started(number: int, error: OSError) -> WorkerFailed:
    """Why there is no process of this number."""
    return WorkerFailed(f"worker {number} cannot be started: {error}", 1, told=False)


def bequeathed(
    listeners: Sequence[socket.socket], local: socket.socket | None, places: Places, stack: ExitStack
) -> Heritage:
    """These, and a leash that the end of the stack lets go of."""
    leash, ours = os.pipe()
    stack.callback(os.close, leash)
    stack.callback(os.close, ours)
    return Heritage([bound.fileno() for bound in listeners], leash, places, None if local is None else local.fileno())


class Worker:
    """A process with a number. It is the team's to end."""

    def __init__(self, number: int, process: Process, status: asyncio.StreamReader) -> None:
        """`status`: what it tells its parent."""
        self.number, self.process = number, process
        self.name = f"worker {number} (pid {process.pid})"
        #: What it said why it ends; empty if nothing.
        self.reason = ""
        self._ready = asyncio.Event()
        self._ready_at = self._ended_at = 0.0
        self._listening = asyncio.ensure_future(self._listen(status))
        self._ending = asyncio.ensure_future(self._end())

    async def _listen(self, status: asyncio.StreamReader) -> None:
        while line := (await status.readline()).decode(errors="replace").rstrip("\n"):
            word, _, reason = line.partition(" ")
            if word == "ready":
                self._ready_at = time.monotonic()
                self._ready.set()
            else:
                self.reason = reason

    async def _end(self) -> None:
        await self.process.wait()
        self._ended_at = time.monotonic()
        await asyncio.wait([self._listening], timeout=_LAST_WORDS_S)
        self._listening.cancel()

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.returncode is None

    @property
    def end(self) -> str:
        """How it has ended, for a line of the log."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"{self.name} was killed by signal {-code}"
        return f"{self.name} ended with {code}" + (f": {self.reason}" if self.reason else "")

    @property
    def served(self) -> float:
        """For how many seconds it was ready, once it has ended."""
        return self._ended_at - self._ready_at if self._ready.is_set() else 0.0

    async def ready(self, warn: Callable[[str], None]) -> None:
        """Wait until it serves. WorkerFailed if it ends instead."""
        waiting = asyncio.ensure_future(self._ready.wait())
        try:
            first = [waiting, self._ending]
            if not (await asyncio.wait(first, timeout=_LONG_START_S, return_when=asyncio.FIRST_COMPLETED))[0]:
                warn(f"{self.name} is not ready after {_LONG_START_S:g} s; still waiting (to give up, kill it)")
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not self._ready.is_set():
            raise WorkerFailed(self.end, max(1, self.process.returncode or 1), told=self.reason != "")

    async def ended(self) -> None:
        """Wait until it has, and all that it told is known."""
        await asyncio.shield(self._ending)

    async def stop(self, patience: float, warn: Callable[[str], None]) -> None:
        """Let it drain, and wait until it has ended; after so many seconds it is killed."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.ended(), patience)
        except TimeoutError:
            warn(f"{self.name} does not end within {patience:g} s, and is killed")
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.ended()
