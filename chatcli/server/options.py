"""How the server behaves, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerOptions:
    """Times are in seconds, sizes in bytes."""

    #: How long a stopping server waits for its connections to end.
    drain: float = 5.0
    #: Live frames that may wait for one socket before it is closed with 4008.
    outbox_bytes: int = 1_048_576
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
    #: How long an HTTP connection may send nothing, before and between requests.
    idle: float = 20.0
