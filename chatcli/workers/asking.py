"""The sockets on which workers ask each other what they have counted: in CHAT_RUN_DIR, which is this account's."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from chatcli.broker import prepare_folder
from chatcli.server.listen import answers, listen_unix
from chatcli.valkey import BrokerError
from chatcore import conf
from chatcore.exceptions import ChatError

PATTERN = "worker-*.sock"

#: By a worker's number: where it listens, and the path.
Places = dict[int, tuple[socket.socket, Path]]


def asked_on(count: int, stack: ExitStack, warn: Callable[[str], None]) -> Places:
    """A socket for each worker until the end of the stack, if anybody may see metrics. A failure is only a warning."""
    if conf.settings.METRICS == "off":
        return {}
    folder = Path(conf.settings.RUN_DIR)
    try:
        prepare_folder(folder)
        remove_stale(folder)
        paths = {number: folder / f"worker-{os.getpid()}-{number}.sock" for number in range(1, count + 1)}
        return {number: (listening(path, stack), path) for number, path in paths.items()}
    except (BrokerError, ChatError, OSError) as error:
        warn(f"/metrics will show one worker at a time: {error}")
        return {}


def listening(path: Path, stack: ExitStack) -> socket.socket:
    listener = stack.enter_context(listen_unix(path, 0o600))
    stack.callback(path.unlink, missing_ok=True)
    return listener


def remove_stale(folder: Path) -> None:
    """What a killed parent has left there."""
    for path in folder.glob(PATTERN):
        if not answers(path):
            path.unlink(missing_ok=True)
