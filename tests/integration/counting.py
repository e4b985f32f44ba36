"""What is counted in tests of the hot path: calls, writes, rings and queries, each where it really happens."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import msgspec
from channels.layers import InMemoryChannelLayer
from django.db import connections
from django.db.backends.signals import connection_created


class Frames:
    """A server's side of the ready-frames extension, for a reader that takes everything at once."""

    pending, closing = 0, False

    def __init__(self) -> None:
        self.take: Callable[[str], bool] | None = None
        self.live: list[bytes] = []
        self.held: list[bytes] = []
        self.catchup: list[bytes] = []

    def write(self, frames: bytes) -> None:
        self.live.append(frames)

    def hold(self, frames: bytes) -> None:
        self.held.append(frames)

    def write_catchup(self, frames: bytes) -> None:
        self.catchup.append(frames)

    async def drained(self) -> None:
        return None


class CountingLayer(InMemoryChannelLayer):
    """A channel layer that keeps what was sent to which group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.sent.append((group, message))
        await super().group_send(group, message)


class Calls:
    """How often JSON was encoded, and some functions of ours were called, in this thread and in those that it starts.

    Everything runs as it is: the interpreter's profiler tells of the calls.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._names: dict[CodeType, str] = {function.__code__: function.__name__ for function in functions}
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> "Calls":
        threading.setprofile(self._called)
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if isinstance(getattr(argument, "__self__", None), msgspec.json.Encoder):
                self._counts[argument.__name__] += 1
        elif event == "call" and frame.f_code in self._names:
            self._counts[self._names[frame.f_code]] += 1

    def so_far(self) -> Counter[str]:
        """The counts by name; subtract an earlier value from it."""
        return Counter(self._counts)


#: The thread, and the statement.
Query = tuple[str, str]


@contextmanager
def queries_of_new_threads() -> Iterator[list[Query]]:
    """What is asked of the database on every connection that is opened from now on."""
    asked: list[Query] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((threading.current_thread().name, sql))
        return execute(sql, params, many, context)

    def wrap(connection: Any, **_: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    connections.close_all()
    connection_created.connect(wrap)
    try:
        yield asked
    finally:
        connection_created.disconnect(wrap)
        for connection in connections.all(initialized_only=True):
            if note in connection.execute_wrappers:
                connection.execute_wrappers.remove(note)
