"""One WebSocket connection of Daphne, with our outbox, all close codes, and answers for hostile handshakes."""

# ruff: noqa: N802, N803  Twisted's and autobahn's names

import asyncio
import logging
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol  # type: ignore[import-untyped]

from chatcli.server.outbox import Outbox
from chatcli.server.texts import whole_text
from chatcore import metrics
from chatcore.rates import Bucket

if TYPE_CHECKING:
    from chatcli.server.server import ChatServer

logger = logging.getLogger(__name__)

TOO_SLOW, FLOOD, GOING_AWAY = 4008, 4029, 1012
ABORT_S = 2.0  # how long a reader that is too slow, or a flooder, gets to fetch its close frame
UNREAD_MESSAGES = 256  # from one client that the application has not looked at yet
UNREAD_BYTES = 262_144
UNREAD_RETRY_S = 0.01
BINARY, TEXT = 2, 1
FORBIDDEN = 403
REASON_BYTES = 123  # of a close frame, whose payload has at most 125, its code among them (RFC 6455, section 5.5)
#: What autobahn and Daphne keep of the handshake for good, 3 kB a socket.
HANDSHAKE_ONLY = (
    "http_headers", "http_request_data", "http_request_params", "http_response_data", "clean_headers",
    "application_deferred", "allowedOriginsPatterns",
)  # fmt: skip


class ChatProtocol(WebSocketProtocol):  # type: ignore[misc]
    """All that is sent, by whomever, passes `sendData`, and so the outbox: handshake, messages, pongs, close frames."""

    server: "ChatServer | None" = None
    client_addr: list[Any] | None = None
    path = b""
    outbox: Outbox
    lost = False
    deaf = False  # it was told to go for sending too much: what it still sends is not looked at
    paused = False

    def connectionMade(self) -> None:
        self.transport.unregisterProducer()  # the HTTP channel that this connection began as
        options = self.factory.server_class.options
        self.outbox = Outbox(self.transport, options.outbox_bytes, options.stall, self.too_slow)
        with suppress(AttributeError, OSError):  # a unix socket, TLS, or a kernel without it
            self.transport.getHandle().setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, options.unsent_bytes)
        self.other_frames = Bucket()
        super().connectionMade()

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True
        self.outbox.stopProducing()
        super().connectionLost(reason)

    # Handshake

    def onConnect(self, request: Any) -> Any:
        if not request.headers.get("sec-websocket-protocol", "").isascii():
            raise ConnectionDeny(400, "Sec-WebSocket-Protocol must be ASCII")
        return super().onConnect(request)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        metrics.refused("handshake")
        if code != FORBIDDEN:  # with which the application refuses, and says why
            logger.warning("refused a WebSocket from %s: %d, %s", ascii(self.peer), code, ascii(reason[:200]))
        super().failHandshake(reason, code, responseHeaders)

    def onOpen(self) -> None:
        super().onOpen()
        self.request.headers = {}
        for name in HANDSHAKE_ONLY:
            self.__dict__.pop(name, None)
        if self.server is not None and self.server.draining:
            self.go_away()

    # Input

    def dataReceived(self, data: bytes) -> None:
        """Texts in one frame each, which is nearly all that comes in, are read here: autobahn takes ten times as long.
        All else is autobahn's, and so is the rest of a frame that it has begun."""
        if (
            self.state == self.STATE_OPEN
            and self.current_frame is None
            and not self.inside_message
            and not self.data
            and not self.autoPingTimeoutCall  # which what comes in puts an end to
        ):
            data = self._take_texts(data)
        elif self.state == self.STATE_CONNECTING and hasattr(self, "handshake_deferred"):
            # A client waits for the answer (RFC 6455, section 4.1); autobahn would begin anew, and keep all of it
            logger.warning("refused a WebSocket from %s: it goes on before it was answered", ascii(self.peer))
            self.transport.abortConnection()
            return
        if data and not self.deaf:
            super().dataReceived(data)

    def _take_texts(self, data: bytes) -> bytes:
        """Take the whole text frames at the beginning of `data`; what follows them."""
        at = 0
        while (found := whole_text(data, at, self.maxMessagePayloadSize)) is not None:
            text, at = found
            self._take_text(text)
            if self.state != self.STATE_OPEN or self.failedByMe:
                break
        return data[at:]

    def _take_text(self, text: str) -> None:
        """At once where the application takes it so and nothing waits before it, else through its queue."""
        self.last_ping = time.time()
        if self.outbox.take is not None and self.application_queue.empty():
            try:
                if self.outbox.take(text):
                    return
            except Exception:
                logger.exception("a frame from %s failed", ascii(self.peer))
                self.handle_exception(None)
                return
        self.application_queue.put_nowait({"type": "websocket.receive", "text": text})
        self._read_no_faster()

    def onFrameBegin(self) -> None:
        """A frame that the application is not told of as it comes: a ping or pong, a fragment, or half a text."""
        rate = None if self.server is None else self.server.options.frames
        if rate is not None and self.state == self.STATE_OPEN and self.other_frames.wait(rate):
            metrics.floods.add()
            logger.warning("a socket from %s was closed: too many control frames or fragments", ascii(self.peer))
            self.sendCloseFrame(FLOOD, b"too many control frames or fragments")
        super().onFrameBegin()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        super().onMessage(payload, isBinary)
        self._read_no_faster()

    def _read_no_faster(self) -> None:
        """Leave in the kernel what the application does not get to."""
        queue = self.application_queue
        if not self.paused and (queue.qsize() >= UNREAD_MESSAGES or queue.size >= UNREAD_BYTES):
            self.paused = True
            self.transport.pauseProducing()
            asyncio.get_running_loop().call_later(UNREAD_RETRY_S, self.read_on)

    def read_on(self) -> None:
        """Take more from the client once the application has looked at what there is."""
        if self.server is not None and self.server.draining:
            return  # which reads nothing but close frames, when it is time for them
        queue = self.application_queue
        if queue.qsize() < UNREAD_MESSAGES // 2 and queue.size < UNREAD_BYTES:
            self.paused = False
            self.transport.resumeProducing()
        elif self.state != self.STATE_CLOSED:
            asyncio.get_running_loop().call_later(UNREAD_RETRY_S, self.read_on)

    # Output

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        if self.state == self.STATE_OPEN and not self.outbox.closing:
            self.outbox.write(data)
        else:
            self.outbox.write_last(data)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """What the application sends. Daphne swallows an empty text, and refuses most close codes."""
        if self.state == self.STATE_CONNECTING or message["type"] == "websocket.accept":
            super().handle_reply(message)
        elif message["type"] == "websocket.close":
            reason = (message.get("reason") or "").encode()[:REASON_BYTES].decode(errors="ignore")  # no half character
            self.sendCloseFrame(message.get("code") or 1000, reason.encode())
        elif self.state == self.STATE_OPEN:
            # Not sendMessage: it holds what we send to the limit for what clients send.
            text, binary = message.get("text"), message.get("bytes")
            if text is not None:
                self.sendFrame(opcode=TEXT, payload=text.encode())
            else:
                self.sendFrame(opcode=BINARY, payload=binary)

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        self.outbox.close()  # nothing may follow a close frame
        if code == FLOOD:
            self.deaf, self.data = True, b""
            self.abort_in(ABORT_S)
        super().sendCloseFrame(code, reasonUtf8, isReply)

    def onAutoPingTimeout(self) -> None:
        """A ping may wait behind what takes long to read, which has a patience of its own (`ServerOptions.stall`)."""
        self.autoPingTimeoutCall = None
        if not self.outbox.pending:
            super().onAutoPingTimeout()

    def too_slow(self) -> None:
        """The reader does not keep up: it comes back with its last number."""
        metrics.slow_readers.add()
        self.sendCloseFrame(TOO_SLOW, b"reads too slowly")
        self.abort_in(ABORT_S)

    def abort_in(self, seconds: float) -> None:
        """End the connection then, if it has not ended by itself: TLS has nothing left that could be ended twice."""
        asyncio.get_running_loop().call_later(seconds, lambda: self.lost or self.transport.abortConnection())

    def go_away(self) -> None:
        """The server stops: the client may reconnect at once."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(GOING_AWAY, b"restart")

    def dropConnection(self, abort: bool = False) -> None:
        abort = abort and not self.wasClean  # a peer that has sent its close frame gets no reset
        if not abort:  # autobahn takes us off the transport, and what waits would be lost
            self.outbox.flush()
            self.abort_in(self.closeHandshakeTimeout)
        super().dropConnection(abort)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if self.server is not None:  # else it was refused before Daphne knew of it
            super().onClose(wasClean, code, reason)
