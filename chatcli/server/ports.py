"""Listening sockets that were opened by others, as the reactor's ports."""

import socket
from typing import Any

from twisted.internet import reactor, tcp, unix

from chatcli.server.listen import BACKLOG
from chatcli.server.peers import LocalTransport


class UnixPort(unix.Port):
    """Twisted takes a unix socket for its own: it opens it to every account, shortens its queue, and at the end shuts
    it down and removes it from its folder, though other workers still serve on it."""

    _shouldShutdown = False  # noqa: N815  Twisted's name
    _preexistingSocket: socket.socket | None  # noqa: N815

    def startListening(self) -> None:  # noqa: N802  Twisted's name
        """Take what comes from now on."""
        assert self._preexistingSocket is not None
        tcp._reservedFD.reserve()  # type: ignore[no-untyped-call]
        self.factory.doStart()  # type: ignore[union-attr]
        self.socket, self._preexistingSocket = self._preexistingSocket, None
        self.socket.listen(BACKLOG)
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        self.numberAccepts = 100
        self.startReading()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Listen no more; the socket's file is its opener's business."""
        tcp.Port.connectionLost(self, reason)  # type: ignore[no-untyped-call]


class LocalPort(UnixPort):
    """The one for this account's own programs."""

    transport = LocalTransport  # type: ignore[assignment]


def adopted(bound: socket.socket, factory: Any, *, local: bool) -> Any:
    """Serve there; the reactor has a descriptor of its own from now on."""
    bound.setblocking(False)
    if bound.family == socket.AF_UNIX:
        kind = LocalPort if local else UnixPort
        port = kind._fromListeningDescriptor(reactor, bound.fileno(), factory)  # type: ignore[no-untyped-call]
        port.startListening()
    else:
        port = reactor.adoptStreamPort(bound.fileno(), bound.family, factory)
    bound.close()
    return port
