"""What a job prints, any bytes and any number of them, as the few lines of text that are worth sending."""

#: As many bytes are kept, whatever is printed.
LARGEST = 256 * 1024


class Tail:
    """The end of a stream of bytes, in bounded memory."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """What comes next."""
        self._bytes += data
        if len(self._bytes) > 2 * LARGEST:
            del self._bytes[:-LARGEST]

    @property
    def kept(self) -> bytes:
        return bytes(self._bytes[-LARGEST:])


def last_lines(output: bytes, count: int) -> str:
    """The last `count` lines as text that a message can hold: what is no UTF-8, or NUL, is a replacement character.

    Of a line that was written over again and again (a progress bar) the last state counts, as on a terminal.
    """
    text = output.decode("utf-8", "replace").replace("\0", "\ufffd").replace("\r\n", "\n")
    lines = text.rstrip().split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines[len(lines) - min(count, len(lines)) :])
