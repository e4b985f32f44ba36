"""A command on a terminal of its own: a pseudo-terminal of 80 columns, and all that it wrote there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from tests.waiting import DEADLINE_S


def on_terminal(command: Sequence[str], env: Mapping[str, str], *, columns: int = 80) -> tuple[int, str]:
    """Run the command with all three streams on a terminal: its exit code and what is to be seen there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env), cwd="/")
    os.close(theirs)
    try:
        output = _read_all(ours)
        return process.wait(DEADLINE_S), output.decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def _read_all(descriptor: int) -> bytes:
    """Until the last process has left the terminal."""
    seen, deadline = bytearray(), time.monotonic() + DEADLINE_S
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            seen += os.read(descriptor, 65536)
        except OSError:  # EIO: nobody has it open any more
            return bytes(seen)
    raise TimeoutError(f"still running after {DEADLINE_S:g} s: {bytes(seen)!r}")
