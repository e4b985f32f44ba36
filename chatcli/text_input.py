"""The text of a message that does not stand on the command line: standard input, whole."""

import sys

from django.core.management.base import CommandError

#: No message is longer; what is larger is not read to its end.
LARGEST = 16 * 1024 * 1024


def whole_stdin() -> str:
    """All of standard input as one text without the line ends at its end; a CommandError when it has none to give."""
    if sys.stdin is None:
        raise CommandError("no text: standard input is closed, so write the text after the room", returncode=2)
    if sys.stdin.isatty():
        raise CommandError(
            'no text: write it after the room, or pipe it in: echo "hello" | ./manage.py chat_send ROOM -', returncode=2
        )
    try:
        data = sys.stdin.buffer.read(LARGEST + 1)
    except OSError as error:
        raise CommandError(f"standard input cannot be read: {error.strerror}", returncode=2) from error
    if len(data) > LARGEST:
        raise CommandError(f"standard input has more than {LARGEST // 2**20} MiB: shorten it", returncode=4)
    return text_of(data)


def text_of(data: bytes) -> str:
    """UTF-8 as text: a byte order mark is dropped, a line ends with `\\n` alone."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"standard input is not UTF-8 (byte 0x{data[error.start]:02x} at {error.start}): "
            "convert it, for example by iconv -f LATIN1 -t UTF-8",
            returncode=2,
        ) from error
    return text.replace("\r\n", "\n").rstrip("\r\n")
