"""A small disk: a tmpfs in a mount namespace of its own, which only processes that are put there can see."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

HOLD = 'mount -t tmpfs -o size="$2" tmpfs "$1" && echo held && read -r _'


def can_mount() -> bool:
    """Whether this machine lets us have namespaces (Linux, and not every container)."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return False
    tried = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


#: For tests that need it.
needs_small_disk = pytest.mark.skipif(not can_mount(), reason="needs namespaces of user and mount (unshare -rm)")


class SmallDisk:
    """`path` is on it for processes whose command begins with `entrance`."""

    def __init__(self, size: int) -> None:
        """`size` in bytes."""
        self.path = Path(tempfile.mkdtemp(prefix="disk-"))
        self._holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", HOLD, "sh", str(self.path), str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"held\n"
        target = f"--target={self._holder.pid}"
        self.entrance = ["nsenter", target, "--user", "--mount", "--preserve-credentials"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.close()
        self._holder.wait()
        self.path.rmdir()

    def fill(self) -> None:
        """Take all the room that is left."""
        with self._filler.open("ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                while True:
                    try:
                        filler.write(b"x" * size)
                    except OSError:
                        break

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink()

    @property
    def seen_from_here(self) -> Path:
        """The same folder for other processes: for plain files, not for SQLite, which resolves links."""
        folder = Path(f"/proc/{self._holder.pid}/root", *self.path.parts[1:])
        assert os.path.ismount(folder)
        return folder

    @property
    def _filler(self) -> Path:
        return self.seen_from_here / "filler"
