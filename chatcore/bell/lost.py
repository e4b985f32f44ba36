"""A connection to the broker that the kernel has given up is lost: redis-py takes it for one without news.

Since Python 3.11 `OSError(ETIMEDOUT)` and `asyncio.TimeoutError` are one class. So PubSub.get_message(timeout=...) on a
connection that has ended by ETIMEDOUT says "nothing yet" at once and for ever (redis-py 6.4 to 8.1); channels_redis
asks again without ever waiting, and the event loop stands still. It happens when a network is silent for 45 seconds.
"""

from functools import cache
from typing import Any


@cache
def tell_lost_connections() -> None:
    """From now on a read from such a connection raises ConnectionError, on which redis-py connects again.

    It replaces a method of redis-py's, as layers and connections are made by others from settings of a site's own.
    """
    from redis.asyncio.connection import AbstractConnection
    from redis.exceptions import ConnectionError as Lost

    read = AbstractConnection.read_response

    async def read_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = await read(self, *args, **kwargs)
        if response is None and self._reader is not None and (error := self._reader.exception()) is not None:
            await self.disconnect(nowait=True)
            raise Lost(f"the connection was lost: {error}")
        return response

    AbstractConnection.read_response = read_response  # type: ignore[method-assign]
