"""Lines of a stream as they come: whatever has arrived is handed out at once, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from chatcli.sending.texts import LARGEST, TooLarge, arriving, not_utf_8
from chatcore.exceptions import BadText, ChatError

BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """`number` counts from 1 and blank lines too. A line that cannot be read has its error and no text."""

    number: int
    text: str
    error: ChatError | None = None


class Lines:
    """The lines of a stream of UTF-8. A line ends with `\\n` or `\\r\\n`, the last one also with the stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._count = 0

    def batches(self, most: int) -> Iterator[list[Line]]:
        """Up to `most` lines that are there together; waits only while there is none."""
        for block, whole in self._blocks():
            lines = self._read(block) if whole else [self._too_long()]
            for start in range(0, len(lines), most):
                yield lines[start : start + most]

    def _blocks(self) -> Iterator[tuple[bytes, bool]]:
        """Bytes of whole lines, each with its end; or, False, the place of one too large to be kept."""
        rest, skipping = bytearray(), False
        while data := arriving(self._stream):
            if skipping:
                _, end, data = data.partition(b"\n")
                skipping = not end
            cut = data.rfind(b"\n") + 1
            if cut:
                yield bytes(rest) + data[:cut], True
                rest.clear()
            rest += data[cut:]
            if len(rest) > LARGEST:
                yield b"", False
                rest.clear()
                skipping = True
        if rest:
            yield bytes(rest) + b"\n", True

    def _read(self, block: bytes) -> list[Line]:
        first = self._count + 1
        if first == 1:
            block = block.removeprefix(BOM)
        try:
            texts = block.decode().replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError:
            raws = block.split(b"\n")[:-1]
            lines = [_line(number, raw) for number, raw in enumerate(raws, first)]
        else:
            lines = [Line(number, text) for number, text in enumerate(texts[:-1], first)]
        self._count += len(lines)
        return lines

    def _too_long(self) -> Line:
        self._count += 1
        return Line(self._count, "", TooLarge("it"))


def _line(number: int, raw: bytes) -> Line:
    try:
        return Line(number, raw.removesuffix(b"\r").decode())
    except UnicodeDecodeError as error:
        return Line(number, "", BadText(f"it is {not_utf_8(error)}"))
