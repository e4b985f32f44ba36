"""A shell command for each message: one at a time, tried again when it fails. Knows nothing of cursors."""

import asyncio
import os
import signal
import time
from argparse import ArgumentParser, ArgumentTypeError
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress

from chatcli.console import one_line, plain, safe_json
from chatcli.numbers import whole
from chatcli.process import callers_environment
from chatcore.events import Event, encode, to_dict
from chatcore.exceptions import ChatError

RETRIES = 3
#: Bytes of one value in an environment: Linux takes 128 KiB, with its name.
_LONGEST_VALUE = 128 * 1024 - 64
#: Seconds between two tries: the first, by what they grow, the longest.
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.25, 4, 60.0
#: Seconds for which a handler that is told to end may clean up.
_GRACE = 2.0


class HandlerFailed(ChatError):
    """The handler has failed as often as it may."""

    code = "handler_failed"


class Handler:
    """Runs `command` by /bin/sh, its output being ours.

    The event is on its standard input, exact, as one line of JSON; in its environment it is made safe to be shown.
    """

    def __init__(self, command: str, retries: int = RETRIES) -> None:
        """`retries`: how often it is tried again, after longer and longer pauses."""
        self._command = command
        self._retries = retries
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let the try that goes on be the last one."""
        self._stopping.set()

    async def run(self, event: Event) -> None:
        """Let the command handle the event; HandlerFailed when it has not. Cancelled, it ends what it has started."""
        pause = _FIRST_PAUSE
        for tries in range(1, self._retries + 2):
            failure = await self._failure(event)
            if failure is None:
                return
            if tries <= self._retries and not await self._stopped_within(pause):
                pause = min(pause * _GROWTH, _LONGEST_PAUSE)
                continue
            times = f", {tries} times" if tries > 1 else ""
            raise HandlerFailed(f"--exec {failure}{times}, for {event.room} #{event.seq}: {self._command}")

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def _failure(self, event: Event) -> str | None:
        """Run it once: how it failed, if it did. In a group of its own: Ctrl-C is for us, who let it finish."""
        given = environment(event, callers_environment())
        try:
            process = await self._started(given)
        except OSError as error:
            return f"could not be started ({error.strerror})"
        try:
            await process.communicate(safe_json(encode(event)).encode() + b"\n")
        except asyncio.CancelledError:
            await _end(process)
            raise
        code = process.returncode
        assert code is not None
        if code < 0:
            return f"was killed by signal {-code}"
        return f"failed with exit code {code}" if code else None

    async def _started(self, given: dict[bytes, bytes]) -> Process:
        """The process. Cancelled meanwhile, asyncio would end the shell alone, not what that has started."""
        start = asyncio.create_subprocess_shell(self._command, stdin=PIPE, env=given, process_group=0)
        starting = asyncio.create_task(start)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(OSError):
                await _end(await starting)
            raise


async def _end(process: Process) -> None:
    """Let the handler and what it has started go, by force if need be."""
    for deadly in (signal.SIGTERM, signal.SIGKILL):
        _reached(process.pid, deadly)
        deadline = time.monotonic() + _GRACE
        while _reached(process.pid, 0) and time.monotonic() < deadline:  # noqa: ASYNC110  of a group none tells
            await asyncio.sleep(0.02)
    await process.wait()


def _reached(group: int, sign: int) -> bool:
    """Send the process group this signal, 0 being none; whether there is such a group."""
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):  # macOS may not signal the dead
        return False
    return True


def environment(event: Event, callers: Mapping[str, str]) -> dict[bytes, bytes]:
    """The environment of a handler: the caller's, and the event in UTF-8 whatever the locale."""
    values = {
        "ROOM": event.room,
        "SEQ": str(event.seq),
        "ID": event.id,
        "TIME": to_dict(event)["created_at"],
        "USERNAME": event.username,
        "KIND": event.kind,
        "PRIORITY": str(event.priority),
        "TAGS": ",".join(event.tags),
    }
    shown = {name: one_line(value) for name, value in values.items()} | {"TEXT": plain(event.message)}
    event_values = {f"CHATMSG_{name}".encode(): _cut(value) for name, value in shown.items()}
    return {os.fsencode(name): os.fsencode(value) for name, value in callers.items()} | event_values


def _cut(text: str) -> bytes:
    """As much of it as an environment can hold, in whole characters."""
    return text.encode()[:_LONGEST_VALUE].decode(errors="ignore").encode()


def command(text: str) -> str:
    """The type of an option: a command, which nothing is not."""
    if not text.strip():
        raise ArgumentTypeError("there is no command: write one, as ./handle.sh")
    return text


def add_arguments(parser: ArgumentParser) -> None:
    """The options that name the handler and how often it is tried again."""
    program = parser.add_argument_group("handing it to a program")
    program.add_argument(
        "--exec",
        dest="exec_command",
        type=command,
        metavar="CMD",
        help="run this shell command for each message: JSON on its standard input, CHATMSG_TEXT, _USERNAME, _ROOM, "
        "_SEQ, _ID, _TIME, _KIND, _PRIORITY and _TAGS in its environment",
    )
    program.add_argument(
        "--exec-retries",
        type=whole(0),
        default=RETRIES,
        metavar="N",
        help=f"try a command that fails so often again, then end ({RETRIES})",
    )
