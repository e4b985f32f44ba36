"""SIGHUP has two meanings: the terminal is gone, and (from `kill -HUP`, systemd's ExecReload) upgrade."""

import os
import signal
from collections.abc import Callable
from threading import Thread


class Terminal:
    """The terminal that this process began on, if any, and whether it is there still."""

    def __init__(self) -> None:
        #: Whether the process is to outlive it (nohup).
        self.outlived = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        try:
            self._descriptor: int | None = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:  # there is none: systemd, cron, a container
            self._descriptor = None

    @property
    def gone(self) -> bool:
        """Whether it was hung up: the kernel takes a terminal away before it sends SIGHUP."""
        return self._descriptor is not None and not os.isatty(self._descriptor)

    def mind(self, warn: Callable[[str], None]) -> None:
        """On SIGHUP: stop in order if the terminal is gone; else say that an upgrade is for a parent of workers."""

        def hang_up(*_: object) -> None:
            if self.gone:
                os.kill(os.getpid(), signal.SIGTERM)
            else:  # in a thread: what the signal has interrupted may be writing there
                Thread(target=warn, args=("SIGHUP upgrades only what was started with --workers",)).start()

        if not self.outlived:
            signal.signal(signal.SIGHUP, hang_up)
