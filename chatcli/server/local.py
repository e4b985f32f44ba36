"""The socket in CHAT_RUN_DIR on which this account's own programs reach the server without a token: `api.sock`.

A second server on the same folder listens on `api-<pid>.sock`, so that a program which finds nobody at the first
name looks for the others. Who may speak there is decided by `peers.py`. Knows nothing of Daphne.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chatcli.broker import PATH_BYTES, prepare_folder
from chatcli.locks import file_lock
from chatcli.server.listen import ListenError, answers, listen_unix
from chatcli.valkey import BrokerError

NAME, PATTERN, LOCK = "api.sock", "api-*.sock", "api.lock"
_LOCK_S = 5.0
_OWN_ALONE = 0o600


@dataclass(frozen=True)
class LocalSocket:
    """A socket that listens, and where."""

    bound: socket.socket
    path: Path


@contextmanager
def local_socket(folder: Path) -> Iterator[LocalSocket | str]:
    """Listen in this folder until the end of the context. If that cannot be, it is why, in one line: the server goes on
    without."""
    try:
        found = _listening(folder)
    except (BrokerError, ListenError, OSError) as error:
        yield f"no local socket for roomline: {error}"
        return
    mark = _mark(found.path)
    try:
        yield found
    finally:
        found.bound.close()
        with suppress(OSError), file_lock(folder / LOCK, _LOCK_S):
            if _mark(found.path) == mark:  # and not another server's, which has taken the name over meanwhile
                found.path.unlink()


def _listening(folder: Path) -> LocalSocket:
    """At the first name that no live server has. What dead ones have left is removed."""
    prepare_folder(folder)
    own = folder / f"api-{os.getpid()}.sock"
    if len(os.fsencode(own)) > PATH_BYTES:
        raise ListenError(f"the path {folder / NAME} is too long: set CHAT_RUN_DIR to a shorter one")
    with file_lock(folder / LOCK, _LOCK_S):
        for stale in folder.glob(PATTERN):
            if not answers(stale):
                stale.unlink(missing_ok=True)
        path = own if answers(folder / NAME) else folder / NAME
        return LocalSocket(listen_unix(path, _OWN_ALONE), path)


def _mark(path: Path) -> tuple[int, int, int]:
    """What tells this socket from another one of the same name."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns
