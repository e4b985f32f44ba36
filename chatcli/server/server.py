"""Daphne's server on sockets that are bound already, and its drain."""

import asyncio
import logging
import socket
import warnings
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from daphne.server import Server  # type: ignore[import-untyped]  # before Twisted: it installs the asyncio reactor
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import globalLogPublisher

from chatcli.server import peers, stream
from chatcli.server.arrivals import Arrivals
from chatcli.server.channel import ChatChannel
from chatcli.server.options import ServerOptions
from chatcli.server.ports import adopted
from chatcli.server.protocol import ChatProtocol
from chatcli.server.turns import take_turns

logger = logging.getLogger(__name__)

EXTENSION = "roomline.frames"
APPLICATION_CLOSE_S = 15.0
UNASKED_SHARE = 0.2  # of the drain, for the first request on a connection that is open: browsers keep some in reserve
UNASKED_LOOK_S = 0.02


class ChatServer(Server):  # type: ignore[misc]
    """Serves an ASGI application until SIGTERM or SIGINT, or `stop()`."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        sockets: Sequence[socket.socket],
        options: ServerOptions,
        *,
        ready: Callable[[], object],
        local: socket.socket | None = None,
        stopping: Callable[[int], None],
        signal_handlers: bool = True,
    ) -> None:
        """`sockets` listen already, as does `local`, which is for this account's own programs. `ready()` is called when
        they are served, `stopping(n)` when n WebSockets are about to be closed."""
        super().__init__(
            application,
            endpoints=["sockets of our own"],  # it wants some; run() shall find none
            signal_handlers=signal_handlers,
            server_name="",
            verbosity=0,
            ready_callable=self._listen,
            ping_interval=options.ping_interval,
            ping_timeout=options.ping_timeout,
            websocket_timeout=-1,
            websocket_connect_timeout=options.accept,
            websocket_handshake_timeout=options.accept,
            websocket_max_message_size=options.message_bytes,
            websocket_max_frame_size=options.message_bytes,
        )
        self.endpoints: list[str] = []
        self.options = options
        self.draining = False
        #: Connections that were accepted and on which no request has come yet, whole.
        self.unasked: set[ChatChannel] = set()
        self._local, self._ready, self._stopping = local, ready, stopping
        self._sockets = [*sockets, *filter(None, [local])]
        self._ports: list[Any] = []
        self._show_warning = warnings.showwarning

    def _listen(self) -> None:
        """The last thing before the reactor runs."""
        warnings.showwarning = self._show_warning  # Daphne's silence is for Twisted's log, not for Python's warnings
        globalLogPublisher.addObserver(report_failure)  # type: ignore[arg-type]
        self.http_factory.timeOut = self.options.request
        self.http_factory.protocol = ChatChannel
        self.ws_factory.protocol = ChatProtocol
        self.ws_factory.setProtocolOptions(
            failByDrop=False,  # a close frame that says why, instead of a broken connection
            closeHandshakeTimeout=self.options.close,
            allowNullOrigin=True,  # origins are the application's business
        )
        for bound in self._sockets:
            port = adopted(bound, self.http_factory, local=bound is self._local)
            if self.options.shared:
                take_turns(port)
            self._ports.append(port)
        # In the running event loop, which `callWhenRunning` is ahead of
        reactor.callLater(0, self._begin)  # type: ignore[arg-type]  # an interface's method has no self

    def _begin(self) -> None:
        if start := getattr(self.application, "start", None):
            start()
        self._ready()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        scope["root_path"] = self.root_path  # and not what a client's header says
        scope["extensions"] = peers.extension(protocol.transport)
        if not isinstance(protocol, ChatProtocol):
            scope["extensions"][stream.EXTENSION] = partial(stream.Stream, protocol, self.options)
            return super().create_application(protocol, scope)
        scope["extensions"][EXTENSION] = protocol.outbox
        scope["asgi"] = {"version": "3.0"}
        arrivals = Arrivals()
        application = self.application(scope=scope, receive=arrivals.get, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return arrivals

    def kill_all_applications(self) -> Deferred[None]:
        """Daphne's hook before the reactor stops; the reactor waits for what is returned."""
        drained: Deferred[None] = Deferred.fromFuture(asyncio.ensure_future(self._drain()))
        return drained.addErrback(lambda failure: logger.error("stopping failed", exc_info=_of(failure)))

    async def _drain(self) -> None:
        self.draining = True
        for port in self._ports:
            port.stopListening()
        chats = [protocol for protocol in self.connections if isinstance(protocol, ChatProtocol)]
        self._stopping(len(chats))
        await self._settle(chats)
        for protocol in chats:
            protocol.go_away()
        await self._end_applications()
        if close := getattr(self.application, "close", None):
            await asyncio.wait_for(close(), APPLICATION_CLOSE_S)

    async def _settle(self, chats: list[ChatProtocol]) -> None:
        """Nothing may follow a close frame: let the application answer first what has come in, and read no more."""
        settle = getattr(self.application, "settle", None)
        if settle is None:
            return
        for protocol in chats:
            protocol.transport.pauseProducing()
        await asyncio.wait([asyncio.ensure_future(settle())], timeout=self.options.drain)
        for protocol in chats:
            protocol.transport.resumeProducing()  # for their close frames

    async def _end_applications(self) -> None:
        """Wait for the connections' applications, then cancel those that are left. Who was accepted is still heard: the
        kernel has told him that he is connected."""
        clock = asyncio.get_running_loop().time
        asked_until, until = clock() + UNASKED_SHARE * self.options.drain, clock() + self.options.drain
        while clock() < until and (self._running() or (self.unasked and clock() < asked_until)):
            if running := self._running():
                patience = UNASKED_LOOK_S if self.unasked else until - clock()
                await asyncio.wait(running, timeout=max(0.0, patience))
            else:
                await asyncio.sleep(UNASKED_LOOK_S)
        if late := self._running():
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1)

    def _running(self) -> list["asyncio.Task[None]"]:
        tasks = [details.get("application_instance") for details in self.connections.values()]
        return [task for task in tasks if task is not None and not task.done()]


def report_failure(event: dict[str, Any]) -> None:
    """An exception that only Twisted met: a bug, which must not vanish."""
    failure = event.get("log_failure")
    if failure and not failure.check(ReactorNotRunning):  # a second signal, while we stop
        logger.error("an exception that only Twisted met", exc_info=_of(failure))


def _of(failure: Any) -> tuple[type[BaseException], BaseException, Any]:
    """Twisted's failure as logging has it."""
    return failure.type, failure.value, failure.getTracebackObject()
