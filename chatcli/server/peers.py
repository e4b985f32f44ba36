"""Who is at the other end of the local socket: only this account and root are let in, and who it is stands in the
scope of what they ask (`EXTENSION`). The socket's own mode keeps others out already; this is the second lock."""

import logging
import os
import socket
import struct
import sys
from typing import Any

from twisted.internet import unix

logger = logging.getLogger(__name__)

#: What the application finds in `scope["extensions"]`: `{"uid": N}`.
EXTENSION = "roomline.peer"
#: Linux: pid, uid and gid of who connected (socket(7), SO_PEERCRED). macOS and FreeBSD: struct xucred, whose second
#: number is the uid (unix(4), LOCAL_PEERCRED).
_UCRED, _XUCRED, _SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES = "3i", "=II", 0, 1, 76


class LocalTransport(unix.Server):
    """A connection to the local socket, that knows whose it is."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)  # type: ignore[no-untyped-call]
        #: The account's number; None of who may not be here.
        self.uid = _welcome(self.socket)

    def admits(self) -> bool:
        """Whether who connected may be here. Says so in the log if not."""
        if self.uid is None:
            logger.warning("refused a program of another account on the local socket")
        return self.uid is not None


def admitted(transport: Any) -> bool:
    """Whether this connection may go on: all may that do not come by the local socket."""
    return not isinstance(transport, LocalTransport) or transport.admits()


def extension(transport: Any) -> dict[str, Any]:
    """What the scope says of who comes by the local socket; of others nothing."""
    return {EXTENSION: {"uid": transport.uid}} if isinstance(transport, LocalTransport) else {}


def _welcome(connection: socket.socket) -> int | None:
    try:
        uid = peer_uid(connection)
    except OSError:  # it is gone already
        return None
    return uid if uid in (0, os.geteuid()) else None


def peer_uid(connection: socket.socket) -> int:
    """The account of who connected, by what the kernel says."""
    if sys.platform == "linux":
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_UCRED))
        return int(struct.unpack(_UCRED, found)[1])
    found = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES)
    return int(struct.unpack_from(_XUCRED, found)[1])
