"""The public address as a browser on this machine finds it: through the proxy, its certificate, and its redirects."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from chatcli.checking.findings import Finding, Level

PART = "public"
#: Seconds for each of the requests.
ANSWER_S = 3.0
_DAY_S = 86_400
#: Certificates that renew themselves do so long before.
_SOON_DAYS = 14
HTTP_PORT, HTTPS_PORT = 80, 443
#: RFC 6455, section 4.1; the key is nobody's.
_HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_UNREACHED = "the proxy does not reach the chat"
#: What an answer other than a page means, by its status.
_WHY = {400: "the proxy passes on another Host than the one it was asked for", 502: _UNREACHED, 504: _UNREACHED}
_PROXY = "See the proxy's log, and deploy/ for configurations that work."


class Answer(NamedTuple):
    """What came back; `location` and `hsts` are headers."""

    status: int
    location: str
    hsts: bool
    body: str


def look() -> Iterator[Finding]:
    """Nothing where there is no public address: `chatcore.W012` has said so."""
    url = urlsplit(str(getattr(settings, "CHAT_PUBLIC_URL", None) or ""))
    if not url.hostname:
        return
    tls = url.scheme == "https"
    door = Door(url.hostname, url.port or (HTTPS_PORT if tls else HTTP_PORT), tls)
    try:
        found = [*door.findings()]
        if tls and door.port == HTTPS_PORT:
            found += plain_door(url.hostname, HTTP_PORT)
    except ssl.SSLCertVerificationError as error:
        what = f"browsers refuse its certificate: {error.verify_message}"
        hint = "Give the proxy one that is good for this name and this day, and the intermediate ones that sign it."
        found = [Finding(PART, Level.WARNING, what, hint, "chatcore.W161")]
    except (OSError, http.client.HTTPException) as error:
        what = f"{url.geturl()} does not answer here: {str(error) or type(error).__name__}"
        hint = f"{_PROXY} Perhaps only this machine cannot reach its own public address."
        found = [Finding(PART, Level.WARNING, what, hint, "chatcore.W160")]
    yield from found or [Finding(PART, Level.OK, f"{url.geturl()} leads here, sockets too")]


class Door:
    """Where the public comes in."""

    def __init__(self, host: str, port: int, tls: bool) -> None:
        self.host, self.port, self.tls = host, port, tls
        #: Until when its certificate is good, in Unix seconds; None before the first request, and without TLS.
        self.good_until: float | None = None

    def findings(self) -> Iterator[Finding]:
        """What is not as it should be. Raises what the network and TLS do."""
        page = self.answer("/")
        if page.status >= 400:
            what = f"it answers {page.status}: {_WHY.get(page.status, 'no chat there')}"
            yield Finding(PART, Level.WARNING, what, _PROXY, "chatcore.W160")
            return
        if self.tls and not page.hsts:
            what = "the chat does not know that people come by TLS: forms may be refused"
            hint = "Let the proxy send X-Forwarded-Proto, and set CHAT_TRUSTED_PROXIES to its address."
            yield Finding(PART, Level.WARNING, what, hint, "chatcore.W150")
        if self.good_until is not None and (days := (self.good_until - time.time()) / _DAY_S) < _SOON_DAYS:
            what = f"its certificate ends in {max(days, 0):.0f} days"
            yield Finding(PART, Level.WARNING, what, "See why it was not renewed.", "chatcore.W162")
        if (status := self.answer("/ws/chat/chat-check/", _HANDSHAKE).status) != http.client.SWITCHING_PROTOCOLS:
            what = f"sockets do not come through ({status}): pages never get live"
            hint = f"Let the proxy pass on Upgrade and Connection. {_PROXY}"
            yield Finding(PART, Level.WARNING, what, hint, "chatcore.W163")
        metrics = self.answer("/metrics")
        if metrics.status == http.client.OK and "roomline_" in metrics.body:
            hint = "Close it in the proxy, or set CHAT_METRICS=local."
            yield Finding(PART, Level.WARNING, "strangers may read /metrics", hint, "chatcore.W165")

    def answer(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """To a GET of nobody in particular."""
        client = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_S)
        plain = socket.create_connection((self.host, self.port), ANSWER_S)
        if self.tls:
            client.default_port = HTTPS_PORT  # for the Host header
            secure = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
            certificate = secure.getpeercert() or {}
            self.good_until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
            client.sock = secure
        else:
            client.sock = plain
        with closing(client):
            client.request("GET", path, headers=headers or {})
            answer = client.getresponse()
            upgraded = answer.status == http.client.SWITCHING_PROTOCOLS  # what follows is no body
            body = "" if upgraded else answer.read(100_000).decode(errors="replace")
            hsts = "Strict-Transport-Security" in answer.headers
            return Answer(answer.status, answer.headers.get("Location", ""), hsts, body)


def plain_door(host: str, port: int) -> Iterator[Finding]:
    """Whether http:// leads to https://. Where nothing listens, nobody is served in the clear."""
    try:
        answer = Door(host, port, tls=False).answer("/")
    except (OSError, http.client.HTTPException):
        return
    if not (300 <= answer.status < 400 and answer.location.startswith("https://")):
        what = f"http://{host} is not sent to https:// (it answers {answer.status})"
        yield Finding(
            PART,
            Level.WARNING,
            what,
            "Redirect in the proxy: `return 301 https://$host$request_uri;`",
            "chatcore.W164",
        )
