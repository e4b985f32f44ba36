"""The text of one message: words of the command line, a file, or standard input, whole."""

import sys
from typing import Any, BinaryIO

from chatcli.console import one_line
from chatcli.sending.options import Options
from chatcore.exceptions import BadRequest, ChatError

#: No message is longer; what is larger is not read to its end.
LARGEST = 16 * 1024 * 1024
#: As much as a pipe holds on Linux.
READ = 65536
CUT = "…"
STDIN = "standard input"


class TooLarge(ChatError):
    """Nothing that could be a message."""

    code, status, exit_code = "too_long", 413, 4

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} has more than {LARGEST // 2**20} MiB: shorten it")


def text_of(options: Options) -> str:
    """The text from where it was given. Standard input is not touched when it is somewhere else."""
    if options.everywhere and options.room is not None:  # the one word that was given
        return options.room
    if options.text:
        return " ".join(options.text)
    if options.file is not None and options.file != "-":
        return _file_text(options.file)
    return _whole(standard_input(), STDIN)


def standard_input() -> BinaryIO:
    """What is piped in; a BadRequest when there is nothing to read."""
    if sys.stdin is None:
        raise BadRequest("no text: standard input is closed, so write the text after the room")
    if sys.stdin.isatty():
        raise BadRequest('no text: write it after the room, or pipe it in: echo "hello" | ... ROOM -')
    if not hasattr(sys.stdin, "buffer"):  # a Python program has put text in its place
        import io

        return io.BytesIO(sys.stdin.read().encode(errors="surrogatepass"))
    return sys.stdin.buffer


def arriving(stream: BinaryIO, name: str = STDIN) -> bytes:
    """The next bytes that are there; none at the end. Waits for them, also where the stream is set not to wait."""
    source: Any = getattr(stream, "raw", stream)  # a buffer shows "nothing yet" and "the end" alike
    try:
        while (data := source.read(READ)) is None:
            import select

            select.select([source], [], [])
    except OSError as error:
        raise BadRequest(f"{name} cannot be read: {error.strerror}") from error
    return bytes(data)


def truncated(text: str, limit: int) -> str:
    """At most `limit` characters of the text; the last one tells that there was more."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def _file_text(path: str) -> str:
    from pathlib import Path  # few command lines name a file

    name = one_line(path)
    try:
        with Path(path).open("rb") as file:
            return _whole(file, name)
    except OSError as error:
        raise BadRequest(f"{name} cannot be read: {error.strerror}") from error


def _whole(stream: BinaryIO, name: str) -> str:
    data = bytearray()
    while len(data) <= LARGEST and (part := arriving(stream, name)):
        data += part
    if len(data) > LARGEST:
        raise TooLarge(name)
    return _decoded(bytes(data), name)


def _decoded(data: bytes, name: str) -> str:
    """UTF-8 as text: a byte order mark is dropped, a line ends with `\\n` alone."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is {not_utf_8(error)}") from error
    return text.replace("\r\n", "\n").rstrip("\r\n")


def not_utf_8(error: UnicodeDecodeError) -> str:
    """What is wrong and what to do, as the end of a sentence."""
    return (
        f"not UTF-8 (byte 0x{error.object[error.start]:02x} at {error.start}): "
        "convert it, for example by iconv -f LATIN1 -t UTF-8"
    )
