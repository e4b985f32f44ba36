"""The token, from its file: never on a command line, where everybody on the machine could read it."""

import os
import stat
import sys
from typing import BinaryIO

from chatcli.console import one_line
from chatcli.talk import Talker
from chatcore.exceptions import BadRequest

#: How every token begins: one that is given in place of a file's name must not be repeated in an error.
_PREFIX = "rl_"
#: Bytes; a larger file is something else.
_LARGEST = 4096


def token_in(command: Talker, path: str | None) -> str | None:
    """The token in this file, `-` being standard input; None if no file is named.

    Warns if others may read the file. BadRequest when there is none, or no token in it.
    """
    if not path:
        return None
    if path == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise BadRequest("--token-file -: pipe the token in")
        return _token(sys.stdin.buffer, "standard input")
    name = one_line(path)
    try:
        with open(path, "rb") as file:
            state = os.fstat(file.fileno())
            if stat.S_ISREG(state.st_mode) and state.st_mode & 0o077:
                command.warn(f"others may read {name}: chmod 600 {name}")
            return _token(file, name)
    except OSError as error:
        if path.startswith(_PREFIX):
            raise BadRequest("--token-file is a file's name: write the token into a file, and name that") from None
        raise BadRequest(f"the token's file {name} cannot be read: {error.strerror}") from error


def _token(file: BinaryIO, name: str) -> str:
    data = file.read(_LARGEST + 1)
    try:
        token = data.decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or len(data) > _LARGEST or not token.isprintable() or " " in token:
        raise BadRequest(f"{name} holds no token: it is one line, such as ./manage.py chat_token create prints it")
    return token
