"""What is imported, line by line, and twice: what can be read once only is copied first."""

import io
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import fstat
from pathlib import Path
from typing import BinaryIO, cast

from django.core.management.base import CommandError

from chatcli.console import one_line
from chatcli.sending.texts import arriving

#: No line of an exported room is longer, in bytes.
LONGEST = 8 * 2**20
_BOM = b"\xef\xbb\xbf"


class Source:
    """A file. `number` is that of the line which was read last, `place` its end in bytes, of `size`."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self.size = fstat(file.fileno()).st_size
        self.number = self.place = 0

    def lines(self) -> Iterator[bytes]:
        """From the first line on, without blank ones, which are counted; CommandError for one that is too long."""
        self._file.seek(0)
        self.number = self.place = 0
        while line := self._read():
            self.number += 1
            self.place += len(line)
            if len(line) > LONGEST:
                raise CommandError(f"line {self.number}: it has more than {LONGEST // 2**20} MiB", returncode=2)
            if self.number == 1:
                line = line.removeprefix(_BOM)
            if line.strip():
                yield line

    def _read(self) -> bytes:
        try:
            return self._file.readline(LONGEST + 1)
        except OSError as error:
            raise _unreadable(self._name, error) from error


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """The file of this name, or with `-` the standard input. CommandError when it cannot be read."""
    shown = "standard input" if name == "-" else one_line(name)
    with ExitStack() as held:
        try:
            file = _standard_input() if name == "-" else held.enter_context(Path(name).open("rb"))
            if name == "-" or not stat.S_ISREG(fstat(file.fileno()).st_mode):
                copy = cast("BinaryIO", held.enter_context(tempfile.TemporaryFile()))
                while data := arriving(file, shown):
                    copy.write(data)
                copy.flush()
                file = copy
        except OSError as error:
            raise _unreadable(shown, error) from error
        yield Source(file, shown)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise CommandError("standard input is closed: name the file", returncode=2)
    if sys.stdin.isatty():
        raise CommandError("standard input is the terminal: name the file, or pipe it in", returncode=2)
    if not hasattr(sys.stdin, "buffer"):  # a Python program has put text in its place
        return io.BytesIO(sys.stdin.read().encode(errors="surrogatepass"))
    return sys.stdin.buffer


def _unreadable(name: str, error: OSError) -> CommandError:
    return CommandError(f"{name} cannot be read: {error.strerror}", returncode=2)
