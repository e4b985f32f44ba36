"""Whose word about a request's origin counts. Plain ASGI, knows nothing of Django or the chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

UNIX = "unix"
SECURE = {"http": "https", "websocket": "wss"}
PLAIN = {"http": "http", "websocket": "ws"}


class TrustedProxies:
    """Takes the client's address and scheme from X-Forwarded-For and -Proto, if a trusted proxy is the peer.

    `proxies` are addresses or networks; the word "unix" stands for whoever may open the server's unix socket.
    Other peers' headers change nothing.
    """

    def __init__(self, application: Any, proxies: Iterable[str]) -> None:
        self.application = application
        words = list(proxies)
        self.unix = UNIX in words
        self.networks = [ip_network(word, strict=False) for word in words if word != UNIX]

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in SECURE and self.trusts_peer(scope):
            scope = {**scope, **self.origin(scope)}
        await self.application(scope, receive, send)

    def start(self) -> None:
        self.application.start()

    async def settle(self) -> None:
        await self.application.settle()

    async def close(self) -> None:
        await self.application.close()

    def trusts_peer(self, scope: dict[str, Any]) -> bool:
        peer = (scope.get("client") or [None])[0]
        if not peer:
            return self.unix
        address = parsed_address(peer)
        return address is not None and self.trusts(address)

    def trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def origin(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The scope's keys that the proxies' headers replace."""
        replaced: dict[str, Any] = {}
        hops = header_values(scope, b"x-forwarded-for")
        if client := self.first_untrusted(hops):
            replaced["client"] = [str(client), 0]
        scheme = (header_values(scope, b"x-forwarded-proto") or [""])[-1].lower()
        if scheme in ("http", "https"):
            replaced["scheme"] = (SECURE if scheme == "https" else PLAIN)[scope["type"]]
        return replaced

    def first_untrusted(self, hops: list[str]) -> Address | None:
        """Each proxy appends who spoke to it, so read from the right; what stands left of a stranger is his claim."""
        client = None
        for hop in reversed(hops):
            address = parsed_address(hop)
            if address is None:
                break
            client = address
            if not self.trusts(address):
                break
        return client


def header_values(scope: dict[str, Any], name: bytes) -> list[str]:
    """The comma separated values of all headers of that name, in order."""
    text = ",".join(value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)
    return [word.strip() for word in text.split(",") if word.strip()]


def parsed_address(text: str) -> Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:567`, `::1` or `[::1]:567`; an IPv4 address inside IPv6 is taken out."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
