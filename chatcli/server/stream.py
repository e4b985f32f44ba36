"""The body of one answer that goes on and on: our outbox instead of Twisted's buffer, which grows without end.

The application finds an `open_stream` in `scope["extensions"]["roomline.stream"]`, as docs/decisions/0029 has it.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chatcli.server.options import ServerOptions
from chatcli.server.outbox import Outbox
from chatcore import metrics

EXTENSION = "roomline.stream"
ABORT_S = 2.0  # how long a reader that is too slow gets to fetch the end


class Stream:
    """What follows the headers, which go out when it is made. In chunks (RFC 9112, section 7.1) if `chunked`: what is
    written then has to be whole ones. The last one follows with the usual last `http.response.body`, after `end`."""

    def __init__(self, request: Any, options: ServerOptions, too_slow: Callable[[], None]) -> None:
        """`too_slow()` is called once, as `Outbox`'s overflow. ConnectionError if the client has left already."""
        channel = request.channel
        if channel is None:
            raise ConnectionResetError("the client has left")
        transport = channel.transport
        channel.persistent = False
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        request.write(b"")  # the headers
        self.chunked = bool(request.chunked)
        self._channel, self._options, self._too_slow = channel, options, too_slow
        self._lost = False
        with suppress(AttributeError, OSError):  # a unix socket, or a kernel without it
            handle = transport.getHandle()
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, options.unsent_bytes)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * options.stall))
        transport.unregisterProducer()  # the channel
        self._outbox = Outbox(transport, options.outbox_bytes, options.stall, self._overflow)
        self.write, self.write_catchup = self._outbox.write, self._outbox.write_catchup
        self.write_last, self.drained = self._outbox.write_last, self._outbox.drained
        channel.stream = self

    async def end(self) -> None:
        """Nothing follows but the last chunk. Who does not fetch it in time is cut off."""
        self._outbox.flush()
        self._abort_in(self._options.close)

    def lost(self) -> None:
        """The connection is gone."""
        self._lost = True
        self._outbox.stopProducing()

    def _overflow(self) -> None:
        metrics.slow_readers.add()
        self._outbox.close()
        self._abort_in(ABORT_S)
        self._too_slow()

    def _abort_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, lambda: self._lost or self._channel.transport.abortConnection())
