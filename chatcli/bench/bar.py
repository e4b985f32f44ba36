"""How far a run is: a bar on a terminal, nothing anywhere else."""

import os
from types import TracebackType
from typing import IO, Self, cast

import rich.console
import rich.progress
from django.core.management.base import OutputWrapper


class Bar:
    """One stage after the other in one line of the standard error, which is gone at the end."""

    def __init__(self, stream: OutputWrapper, *, wanted: bool, colour: bool) -> None:
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        console = rich.console.Console(
            file=cast("IO[str]", _Terminal(stream)), color_system="standard" if colour else None, no_color=not colour
        )
        self._progress = rich.progress.Progress(
            rich.progress.TextColumn("{task.description:8}"),
            rich.progress.BarColumn(bar_width=24),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=console,
            disable=not (wanted and terminal),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def show(self, stage: str, done: int, of: int, note: str = "") -> None:
        """So much of this stage is done."""
        if self._task is None:
            self._task = self._progress.add_task(stage, completed=done, total=of, note=note)
            self._progress.start()
        self._progress.update(self._task, description=stage, completed=done, total=of, note=note, refresh=True)

    def remove(self) -> None:
        """Leave the line as it was before."""
        self._progress.stop()


class _Terminal:
    """The stream as rich writes to it: Django's own adds line ends and colours."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", "ascii")

    def write(self, text: str) -> int:
        self._stream.write(text, str, "")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()
