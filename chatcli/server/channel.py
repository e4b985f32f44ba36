"""One HTTP connection: a request has to be there, whole, within its time and size, however it drips in."""

# ruff: noqa: N802  Twisted's names

import logging
from typing import TYPE_CHECKING, Any, cast

from twisted.web.http import HTTPChannel

from chatcli.server.peers import admitted
from chatcore import metrics

if TYPE_CHECKING:
    from chatcli.server.server import ChatServer
    from chatcli.server.stream import Stream

logger = logging.getLogger(__name__)

BAD = b"400 Bad Request"
TOO_LATE, TOO_LARGE = b"408 Request Timeout", b"413 Content Too Large"
TOO_LONG = b"431 Request Header Fields Too Large"


class ChatChannel(HTTPChannel):
    """Twisted's time limit begins anew with each byte that comes; here with the first one of a request only."""

    factory: Any
    transport: Any
    #: The answer that goes on and on, if there is one.
    stream: "Stream | None" = None
    _begun = False
    _body = 0
    _refused = False

    def connectionMade(self) -> None:
        super().connectionMade()  # type: ignore[no-untyped-call]
        if not admitted(self.transport):
            self.transport.abortConnection()
            return
        self._server.unasked.add(self)

    def connectionLost(self, reason: Any = None) -> None:
        self._server.unasked.discard(self)
        if self.stream is not None:
            self.stream.lost()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    @property
    def _server(self) -> "ChatServer":
        return cast("ChatServer", self.factory.server)

    def dataReceived(self, data: bytes) -> None:
        if self._refused:
            return  # what an answer was given to already
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def resetTimeout(self) -> None:
        """Something has come in."""
        if not self._begun:
            self._begun = True
            super().resetTimeout()  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:
        """An address or a header above 16 KiB; Twisted would only close."""
        self._refuse(TOO_LONG)

    def allHeadersReceived(self) -> None:
        """A WebSocket's handshake has no body (RFC 6455, section 4.1). Daphne would hand it to autobahn as frames, in
        one piece that each of them copies: megabytes of small ones keep the server busy for half a minute."""
        upgrades = self.requests[-1].requestHeaders.getRawHeaders(b"Upgrade", [b""])
        if self.length != 0 and upgrades[0].lower() == b"websocket":
            peer = getattr(self.transport.getPeer(), "host", "a unix socket")
            logger.warning("refused a WebSocket from %s: 400, its handshake has a body", peer)
            self._refuse(BAD)
        elif self.length is not None and self.length > self._server.options.body_bytes:
            self._refuse(TOO_LARGE)  # before it is sent
        else:
            # Forms are the application's business; Twisted takes a quarter of a small POST's time to look for one
            self.requests[-1]._parsePOSTFormSubmission = False
            super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """A server that stops answers what comes and closes the connection after it, and says so."""
        persistent: bool = super().checkPersistence(request, version)  # type: ignore[no-untyped-call]
        if persistent and self._server.draining:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return persistent

    def rawDataReceived(self, data: bytes) -> None:
        if self._refused:
            return
        self._body += 0 if self._handlingRequest else len(data)
        if self._body > self._server.options.body_bytes:
            self._refuse(TOO_LARGE)
        else:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        self._begun, self._body = False, 0
        self._server.unasked.discard(self)
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def timeoutConnection(self) -> None:
        """Half a request is answered; a connection on which nothing was asked is only closed."""
        if self._begun and not self._refused:
            self._refuse(TOO_LATE)
        else:
            super().timeoutConnection()  # type: ignore[no-untyped-call]

    def _refuse(self, status: bytes) -> None:
        self._refused = True
        metrics.refused(status[:3].decode())
        self.setTimeout(None)  # type: ignore[no-untyped-call]
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        super().timeoutConnection()  # type: ignore[no-untyped-call]  # closes it, if need be the hard way
