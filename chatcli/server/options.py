"""How the server behaves, in one place."""

from dataclasses import dataclass

from chatcore.rates import Rate


@dataclass(frozen=True)
class ServerOptions:
    """Times are in seconds, sizes in bytes."""

    #: How long a stopping server waits for its connections to end.
    drain: float = 5.0
    #: Live frames that may wait for one socket before it is closed with 4008.
    outbox_bytes: int = 1_048_576
    #: How long a client may take nothing of what waits for it before it is closed with 4008, older messages included.
    stall: float = 30.0
    #: What the kernel may keep of it beside: it takes megabytes otherwise, before the cap begins to count.
    unsent_bytes: int = 131_072
    #: The longest message, and frame, a client may send; above it 1009.
    message_bytes: int = 65_536
    #: How long the application may take to accept a socket.
    accept: float = 20.0
    #: How long a client may take to answer a close frame.
    close: float = 5.0
    #: A socket that was silent so long is pinged, and dropped when it has not answered before the next ping is due:
    #: autobahn forgets a timer when the next ping starts while it runs.
    ping_interval: float = 20.0
    ping_timeout: float = 15.0
    #: How long a client may take to send a request, from its first byte to its last, and to begin one.
    request: float = 20.0
    #: The longest body of a request that is kept on disk until the application reads it; above it 413.
    body_bytes: int = 16_000_000
    #: Whether other processes take connections from the same sockets.
    shared: bool = False
    #: Control frames and fragments that a client may send; above it 4029. None: any.
    frames: Rate | None = None
