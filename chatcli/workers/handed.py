"""What a worker is handed by its parent, as descriptors whose numbers stand in one variable of its environment."""

import logging
import os
import signal
import socket
import threading
from contextlib import suppress
from typing import Any, Self

import msgspec

from chatcore.exceptions import ChatError

VARIABLE = "ROOMLINE_WORKER"
#: Characters; all of it is on the standard error.
_LONGEST_REASON = 1000


class Handed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The worker's number, from 1, and the numbers of its descriptors."""

    number: int
    #: Sockets that listen already, which all workers share.
    listeners: list[int]
    #: A pipe that ends when the parent does, by whatever death.
    leash: int
    #: A pipe to the parent, for lines: `ready`, or `failed` and the reason.
    status: int
    #: A unix socket that listens, on which other workers ask this one; None if nobody asks.
    asked: int | None
    #: Where each worker is asked, by its number.
    places: dict[int, str]
    #: The socket for this account's own programs, shared as well; None if there is none.
    local: int | None = None

    @classmethod
    def take(cls) -> Self | None:
        """What this process was handed, for it alone: programs that it starts know nothing of it. None: no worker."""
        text = os.environ.pop(VARIABLE, None)
        if text is None:
            return None
        try:
            handed = msgspec.json.decode(text, type=cls)
            for descriptor in handed.descriptors():
                os.set_inheritable(descriptor, False)
        except (msgspec.MsgspecError, OSError) as error:
            raise ChatError(f"{VARIABLE} is for runchat's own workers: unset it ({error})") from error
        return handed

    def variable(self) -> dict[str, str]:
        """For the environment of the worker."""
        return {VARIABLE: msgspec.json.encode(self).decode()}

    def descriptors(self) -> list[int]:
        """All that it inherits."""
        single = [self.asked, self.local]
        return [*self.listeners, self.leash, self.status, *(number for number in single if number is not None)]

    def begin(self) -> None:
        """Tell each line of the log whose it is, and end as by SIGTERM when the parent is gone."""
        make, number = logging.getLogRecordFactory(), self.number

        def numbered(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            record.worker = number
            return record

        logging.setLogRecordFactory(numbered)
        threading.Thread(target=self._follow_parent, name="leash", daemon=True).start()

    def _follow_parent(self) -> None:
        os.read(self.leash, 1)  # nothing is ever written there
        os.kill(os.getpid(), signal.SIGTERM)

    def sockets(self) -> list[socket.socket]:
        """The shared ones."""
        return [socket.socket(fileno=descriptor) for descriptor in self.listeners]

    def local_socket(self) -> socket.socket | None:
        """The one for this account's own programs."""
        return None if self.local is None else socket.socket(fileno=self.local)

    def ready(self) -> None:
        """Tell the parent that this worker serves."""
        self._tell("ready")

    def failed(self, reason: str) -> None:
        """Tell the parent why this worker ends."""
        self._tell(f"failed {' '.join(reason.split())[:_LONGEST_REASON]}")

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # the parent is gone
            os.write(self.status, f"{line}\n".encode(errors="backslashreplace"))
