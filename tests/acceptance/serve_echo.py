"""The server as `runchat` makes it, with the small application of `echo`, where `runchat` does not go: with a send
buffer that is nearly always full, and over TLS. Prints the port of each; ends with SIGTERM.

    python -m tests.acceptance.serve_echo CERTIFICATE KEY
"""

import socket
import sys

from chatcli.server.listen import Address, listen_tcp
from chatcli.server.options import ServerOptions
from chatcli.server.server import ChatServer  # before Twisted: it brings the reactor
from tests.acceptance.echo import application

SMALL_BUFFER = 4096
#: Whoever says goodbye may take long to read what is on its way to him: a receive buffer of 2 kB is at times emptied at
#: the pace of TCP's timers.
OPTIONS = ServerOptions(drain=1.0, outbox_bytes=150_000, close=60.0)


def main(certificate: str, key: str) -> None:
    from twisted.internet import reactor
    from twisted.internet.endpoints import serverFromString

    tight = listen_tcp(Address(port=0))
    tight.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)  # the sockets that it accepts inherit it
    port = tight.getsockname()[1]

    def ready() -> None:
        place = f"ssl:0:certKey={certificate}:privateKey={key}:interface=127.0.0.1"
        endpoint = serverFromString(reactor, place)  # type: ignore[no-untyped-call]
        listening = endpoint.listen(server.http_factory)
        listening.addCallback(lambda secure: print(port, secure.getHost().port, flush=True))  # noqa: T201

    server = ChatServer(application, [tight], OPTIONS, ready=ready, stopping=lambda count: None)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
