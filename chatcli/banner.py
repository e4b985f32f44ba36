"""What a server says when it begins: where its page is, how to send, follow and stop it, and on what data it runs."""

import os
from collections.abc import Iterator

from django.conf import settings

from chatcli import startup
from chatcli.server_record import own_record
from chatcore.mount import rooms_address

LOCAL = {"//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}  # what a browser here can open


def banner(address: str, live: str, workers: int | None) -> Iterator[str]:
    """The lines, for a server at this address whose messages go live in this way."""
    yield f"Roomline: {rooms_at(getattr(settings, 'CHAT_PUBLIC_URL', None) or local(address))}"
    yield '  send     ./manage.py chat_send newbox "hello"'
    yield "  follow   ./manage.py chat_tail newbox"
    yield "  stop     Ctrl-C"
    yield f"  data     {own_record().database}"
    yield f"  live     {live}"
    if workers is not None:
        yield f"  workers  {workers}; kill -HUP {os.getpid()} replaces them one after the other"
    if not startup.has_admin():
        yield "  admin    nobody is admin yet: ./manage.py createsuperuser"


def rooms_at(address: str) -> str:
    """Where the rooms are on the server that is at this address."""
    place = rooms_address().removeprefix("/")
    return f"{address.rstrip('/')}/{place}" if place and address.startswith("http") else address


def local(address: str) -> str:
    """The address as a browser on this machine opens it."""
    for everywhere, here in LOCAL.items():
        address = address.replace(everywhere, here)
    return address
