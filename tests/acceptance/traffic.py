"""What a browser's page has sent and received, as the browser itself counts it."""

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page


class Traffic:
    """Counts from its making on: requests, sockets' handshakes among them, and the bytes of all answers.

    Nothing comes from the browser's cache.
    """

    def __init__(self, page: Page) -> None:
        self.addresses: dict[str, str] = {}
        self._bytes: dict[str, int] = {}
        self.frames: list[tuple[str, str]] = []
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.webSocketCreated", lambda event: self._opened(event["requestId"], event["url"]))
        session.on("Network.loadingFinished", self._loaded)
        for kind in ("Sent", "Received"):
            session.on(f"Network.webSocketFrame{kind}", lambda event, kind=kind: self._framed(kind, event))
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    @property
    def requests(self) -> int:
        """How many there were."""
        return len(self.addresses)

    @property
    def received(self) -> int:
        """Bytes of all answers, headers included."""
        return sum(self._bytes.values())

    def paths(self) -> list[str]:
        """Where the requests went."""
        return [urlsplit(address).path for address in self.addresses.values()]

    def _asked(self, event: dict[str, Any]) -> None:
        self._opened(event["requestId"], event["request"]["url"])

    def _opened(self, request: str, address: str) -> None:
        self.addresses[request] = address

    def _loaded(self, event: dict[str, Any]) -> None:
        self._bytes[event["requestId"]] = int(event["encodedDataLength"])

    def _framed(self, kind: str, event: dict[str, Any]) -> None:
        self.frames.append((kind, event["response"]["payloadData"]))
