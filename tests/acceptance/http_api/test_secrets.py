"""What is secret of a token stands in no log, no answer, no metric and no file, whatever is done with it."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.acceptance.http_api.guest import token
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire
from tests.engines import SERVER

pytestmark = pytest.mark.slow
#: What the server prints, in each of its forms.
FORMS = {"text": [], "json": ["--log-format", "json"]} if SERVER == "runchat" else {"text": []}
#: Addresses that a guest with a token may ask for; TOKEN where somebody puts it into the address.
TARGETS = (
    "/api/rooms/newbox/messages", "/api/rooms/newbox/messages?limit=x", "/api/rooms/nowhere", "/api/nothing", "/api",
    "/nothing/", "/chat/newbox/", "/accounts/login/", "/admin/", "/healthz", "/metrics", "/api/rooms?token=TOKEN",
    "/api/TOKEN", "/TOKEN/", "/chat/TOKEN/", "/api/rooms/TOKEN/messages", "/ws/chat/TOKEN/",
)  # fmt: skip
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: x")


@pytest.fixture(scope="module", params=FORMS)
def site(request: pytest.FixtureRequest) -> Iterator[ChatSite]:
    with ChatSite({"CHAT_METRICS": "all", "CHAT_RATE": "off"}, FORMS[request.param]) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site


class Attempts:
    """Requests as they stand here, and what came of them."""

    def __init__(self, site: ChatSite, text: str, hook: str) -> None:
        self.site, self.text, self.hook = site, text, hook
        self.answers: list[tuple[str, bytes]] = []

    def make(self) -> None:
        """Good ones, mistakes and attacks."""
        for target in TARGETS:
            for host in ("", "evil.example", "a b"):
                self.ask(f"GET {target}", f"Authorization: Bearer {self.text}", host=host)
            self.ask(f"POST {target}", f"Authorization: Bearer {self.text}", "Content-Length: 2", body="hi")
        for value in ("TOKEN", "Bearer TOKEN x", "Bearer TOKEN\x01", "Token TOKEN", "Basic TOKEN", "TOKEN " * 500):
            line = f"Authorization: {value.replace('TOKEN', self.text)}"
            self.ask("GET /api/rooms", line)
            self.ask("GET /ws/chat/newbox/", line, *UPGRADE)
        for body in ("{", '{"text": "hello"}', "x" * 200_000):
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                fields = f"Content-Type: {kind}", f"Content-Length: {len(body)}"
                for end in ("", "/", "x", "?x=%ff", "%00", "%2f..", "\x7f"):
                    self.ask(f"POST {self.hook}{end}", *fields, body=body)
                for host in ("evil.example", "a b"):
                    self.ask(f"POST {self.hook}", *fields, body=body, host=host)
        for method in ("GET", "PUT", "OPTIONS", "TRACE", "HEAD", "CONNECT"):
            self.ask(f"{method} {self.hook}")
            self.ask(f"{method} http://evil.example{self.hook}")
        self.ask(f"GET {self.hook}", *UPGRADE)
        self.ask(f"GET /ws/chat/newbox/{self.hook}", *UPGRADE)

    def ask(self, start: str, *lines: str, body: str = "", host: str = "") -> None:
        """One request on a connection of its own; TOKEN in its first line is the token."""
        start = start.replace("TOKEN", self.text)
        whole = [f"{start} HTTP/1.1", f"Host: {host or f'{self.site.host}:{self.site.port}'}", *lines]
        if UPGRADE[1] not in lines:
            whole.append("Connection: close")
        with Wire(self.site.host, self.site.port) as wire:
            with suppress(ConnectionError):  # it was refused before all of it was sent
                wire.socket.sendall(("\r\n".join(whole) + "\r\n\r\n" + body).encode("latin-1"))
            while wire._more():
                pass
            self.answers.append((start, wire.received))


@pytest.mark.runchat("what it says of what is no request")
def test_the_secret_is_nowhere_but_with_its_owner(site: ChatSite) -> None:
    text = token(site, "guest", "--room", "newbox")
    address = token(site, "ci", "--hook", "newbox")
    attempts = Attempts(site, text, address[address.index("/api/") :])
    secrets = [secret.rpartition("rl_")[2].partition("_")[2].encode() for secret in (text, address)]
    assert all(len(secret) >= 40 for secret in secrets)

    attempts.make()
    assert {answer[9:12] for _, answer in attempts.answers} >= {b"200", b"201", b"400", b"404", b"405"}
    for name in ("guest", "ci"):
        assert site.manage("chat_token", "revoke", name).returncode == 0
    attempts.make()
    attempts.ask("GET /metrics")

    def is_told(data: bytes) -> bool:
        return any(secret in data for secret in secrets)

    told = [(start, said[:300]) for start, said in attempts.answers if is_told(said)]
    assert [start for start, _ in told if not is_told(start.encode())] == [], told
    for command in (("chat_token", "list"), ("chat_token", "list", "--json"), ("chat_check",)):
        assert not is_told(site.manage(*command).stdout.encode())
    assert site.stop() == 0
    assert [line for line in (site.stdout + site.stderr).splitlines() if is_told(line.encode())] == []
    files = [path for path in sorted(site.var_dir.rglob("*")) if path.is_file()]
    assert len(files) > 2
    assert [str(path) for path in files if is_told(path.read_bytes())] == []
    assert "Traceback" not in site.stderr
