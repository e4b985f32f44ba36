"""The site's embedded broker: finds it, starts it, adopts another server's, watches it, stops it last.

The broker is only a bell: whatever fails here is a warning, and live delivery then goes through the log.
"""

import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from chatcli.locks import file_lock
from chatcli.valkey import START_S, STOP_S, Answer, BrokerError, Valkey, ping

logger = logging.getLogger(__name__)

PATH_BYTES = 100  # of a unix socket: Linux takes 107, macOS 103
WATCH_EVERY_S = 1.0
LONGEST_PAUSE_S = 30.0
MEANWHILE = "Messages go live through the log meanwhile."


class EmbeddedBroker:
    """Sees to it that a broker answers at `path` while the context is open.

    Any number of servers may share one: who finds none starts one, under a lock; who started it stops it, and another
    server starts the next. It is watched from a thread and not from the event loop, because looking for a process,
    starting it and waiting for it block; and the reloader's parent process has no loop.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What was wrong when it was last looked for; empty if nothing.
        self.trouble = ""
        self._valkey: Valkey | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="broker", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._watcher.join(STOP_S)
        try:
            with self._lock(STOP_S):  # nobody binds this path again before this one is gone
                self._end()
        except BrokerError:
            self._end()

    @property
    def adopted(self) -> bool:
        """Whether the broker in use was started by another server."""
        return self._valkey is None or not self._valkey.alive

    def look(self) -> str:
        """Start a broker if there is none; what is wrong, in one line, or nothing."""
        try:
            answer = self.ensure()
            self.trouble = "" if answer is Answer.YES else f"the broker at {self.path} does not answer"
        except BrokerError as error:
            self.trouble = f"no broker: {error}"
        return self.trouble

    def ensure(self) -> Answer:
        """Start a broker if there is none. YES, or SILENT for one that is there and hangs. Raises BrokerError."""
        if len(os.fsencode(self.path)) > PATH_BYTES:
            raise BrokerError(f"the path {self.path} is too long for a socket: set CHAT_RUN_DIR to a shorter one")
        prepare_folder(self.path.parent)
        answer = ping(self.path)
        if answer is not Answer.NOBODY:
            return answer
        with self._lock(START_S):
            answer = ping(self.path)
            if answer is not Answer.NOBODY:
                return answer  # another server was faster
            self._end()  # ours may run on without its socket
            self._valkey = Valkey(self.path, self._stopping.is_set)
            return Answer.YES

    @contextmanager
    def _lock(self, timeout: float) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(file_lock(self.path.with_suffix(".lock"), timeout))
            except OSError as error:
                raise BrokerError(f"the broker's lock cannot be had: {error}") from error
            yield

    def _end(self) -> None:
        if self._valkey is not None:
            self._valkey.stop()
            self._valkey = None

    def _watch(self) -> None:
        """Look every second; say what changes, once."""
        pause = WATCH_EVERY_S
        while not self._stopping.wait(pause):
            before, valkey = self.trouble, self._valkey
            try:
                self.look()
            except Exception:
                logger.exception("the broker cannot be watched")
            if self._stopping.is_set():
                return
            if self.trouble and self.trouble != before:
                logger.warning("%s. %s", self.trouble, MEANWHILE)
            elif not self.trouble and self._valkey is not valkey:
                logger.warning("the broker was gone and has been started again")
            elif not self.trouble and before:
                logger.warning("the broker answers again")
            pause = LONGEST_PAUSE_S if self.trouble.startswith("no broker") and before else WATCH_EVERY_S


def prepare_folder(folder: Path) -> None:
    """Make the broker's folder, or see that nobody else can put a socket of his own there. Raises BrokerError."""
    another = "set CHAT_RUN_DIR to a folder of this account's own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise BrokerError(f"{folder} cannot be made ({error.strerror}): {another}") from error
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        raise BrokerError(f"{folder} belongs to another account: {another}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BrokerError(f"{folder} is open to other accounts: chmod 700 {folder}, or {another}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BrokerError(f"{folder} cannot be written: chmod u+wx {folder}, or {another}")
