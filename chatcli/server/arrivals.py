"""What has come in for one socket's application, as long as it is not read."""

import asyncio
from typing import Any


class Arrivals:
    """An unbounded queue for one reader. `asyncio.Queue` holds four deques, 2.5 kB, for each socket that idles."""

    __slots__ = ("_messages", "_reader", "size")

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._reader: asyncio.Future[None] | None = None
        #: Characters and bytes that wait.
        self.size = 0

    def put_nowait(self, message: dict[str, Any]) -> None:
        """Add a message, and wake the reader."""
        self._messages.append(message)
        self.size += _size(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> dict[str, Any]:
        """The oldest message, as soon as there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        message = self._messages.pop(0)
        self.size -= _size(message)
        return message

    def qsize(self) -> int:
        """How many wait."""
        return len(self._messages)

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._messages


def _size(message: dict[str, Any]) -> int:
    return len(message.get("text") or message.get("bytes") or "")
