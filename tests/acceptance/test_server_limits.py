"""What the server itself holds a connection to: the time and the size of a request, and frames of any kind."""

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.wire import CLOSE, PING, TEXT, Wire, masked, request
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("what its server holds a connection to")]

CONTINUATION = 0
#: What the kernel takes for two ends of a connection, in bytes, and a little.
UNREAD_MOST = 14_000_000
LIMITS = {
    "CHAT_HANDSHAKE_TIMEOUT": "2",
    "CHAT_SOCKET_FRAMES": "1/h burst 100",
    "CHAT_SOCKET_BYTES": "1/h burst 40000",
    "CHAT_FRAME_BYTES": "20000",
    "CHAT_SOCKETS_PER_PERSON": "2",
    "CHAT_SOCKETS_PER_ADDRESS": "3",
    "CHAT_TRUSTED_PROXIES": "127.0.0.1",
}


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite(env=LIMITS) as site:
        site.manage("create_room", "newbox")
        yield site
        assert "Traceback" not in site.stderr


@pytest.fixture(scope="module")
def cookies(site: ChatSite) -> list[str]:
    return site.sign_in("alice", "bob", "carol")


def entered(site: ChatSite, cookie: str, headers: str = "") -> Wire:
    wire = Wire(site.host, site.port)
    return wire.open("/ws/chat/newbox/?v=1", f"Cookie: {cookie}\r\n{headers}".encode())


def let_in(wire: Wire) -> Wire:
    wire.send('{"type":"hello"}')
    assert json.loads(wire.text())["type"] == "open"
    return wire


def told_and_closed(wire: Wire) -> tuple[str, int]:
    """The last error's code, and the close code."""
    code = ""
    while frame := wire.receive():
        if frame.opcode == CLOSE:
            return code, frame.close_code
        if frame.opcode == TEXT and (event := json.loads(frame.payload))["type"] == "error":
            code = event["code"]
    raise EOFError("the connection ended without a close frame")


def sent_until_stuck(wire: Wire) -> int:
    """How many bytes go out in large frames before nothing moves any more."""
    wire.socket.settimeout(1)
    for number in range(2000):
        try:
            wire.send(" " * 60_000)
        except TimeoutError:
            return 60_000 * number
    raise AssertionError("all of it was taken")


def dripped(wire: Wire, data: bytes) -> bytes:
    """Send a byte whenever the server has been silent for a moment; what it answers in the end."""
    wire.socket.settimeout(0.1)
    for at in range(len(data)):
        try:
            wire.socket.sendall(data[at : at + 1])
            if not (received := wire.socket.recv(65536)):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
        wire.received += received
    wire.socket.settimeout(DEADLINE_S)
    return wire.head()


@pytest.mark.parametrize(
    "data",
    [
        request("/ws/chat/newbox/", b"X-Long: " + b"x" * 10_000 + b"\r\n"),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 10_000 + b"\r\n\r\n",
        b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000,
    ],
    ids=["socket", "page", "form"],
)
def test_a_request_that_drips_in_is_cut_however_steadily(site: ChatSite, data: bytes) -> None:
    with Wire(site.host, site.port) as wire:
        assert dripped(wire, data).startswith(b"HTTP/1.1 408 ")


def test_a_connection_on_which_nothing_is_asked_is_closed_without_a_word(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        assert wire.head() == b""
    with Wire(site.host, site.port) as wire:
        for _ in range(2):
            wire.socket.sendall(b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = wire.head()
            assert head.startswith(b"HTTP/1.1 200 ")
            [size] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
            while len(wire.received) < int(size.split()[1]):
                assert wire._more()
            wire.received = b""
        assert wire.head() == b""


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_nobody_would_read_is_refused_before_it_fills_the_disk(site: ChatSite, chunked: bool) -> None:
    size = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000000"
    part = (b"10000\r\n" + b"x" * 65536 + b"\r\n") if chunked else b"x" * 65536
    with Wire(site.host, site.port) as wire:
        wire.socket.sendall(b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n" + size + b"\r\n\r\n")
        for _ in range(400):
            try:
                wire.socket.sendall(part)
            except ConnectionError:
                break
        assert wire.head().startswith((b"HTTP/1.1 413 ", b""))


def test_pings_and_fragments_are_frames_too(site: ChatSite, cookies: list[str]) -> None:
    pieces = [masked(b"x", final=False), *[masked(b"", CONTINUATION, final=False)] * 200]
    for flood in ([masked(b"", PING)] * 200, pieces):
        with let_in(entered(site, cookies[0])) as wire:
            wire.socket.sendall(b"".join(flood))
            assert told_and_closed(wire)[1] == 4029


def test_too_many_bytes_are_told_and_the_socket_is_closed_while_the_flood_goes_on(
    site: ChatSite, cookies: list[str]
) -> None:
    with let_in(entered(site, cookies[0])) as wire:
        data = masked(b"x" * 10_000) * 200
        wire.socket.sendall(data)
        assert told_and_closed(wire) == ("rate", 4029)
    with let_in(entered(site, cookies[0])) as wire:
        assert wire.socket.fileno() > 0, "and who was closed may come back"


def test_a_frame_over_the_limit_is_closed_with_1009(site: ChatSite, cookies: list[str]) -> None:
    with let_in(entered(site, cookies[0])) as wire:
        wire.send('{"type":"ping"}' + " " * 19_000)
        assert json.loads(wire.text())["type"] in ("pong", "presence")
        wire.send(" " * 20_001)
        assert told_and_closed(wire)[1] == 1009


def test_sockets_are_counted_by_person_and_by_the_address_that_a_trusted_proxy_names(
    site: ChatSite, cookies: list[str]
) -> None:
    alice, bob, carol = cookies
    far = "X-Forwarded-For: 203.0.113.7\r\n"
    with let_in(entered(site, alice, far)), let_in(entered(site, alice, far)):
        with entered(site, alice) as third:
            assert told_and_closed(third) == ("too_many_sockets", 4029)
        with let_in(entered(site, bob, far)), entered(site, carol, far) as fourth:
            assert told_and_closed(fourth) == ("too_many_sockets", 4029)
            with let_in(entered(site, carol)):
                pass

    def free() -> bool:
        with entered(site, alice) as wire:
            wire.send('{"type":"hello"}')
            return bool(json.loads(wire.text())["type"] == "open")

    wait_until(free, "their places are free again")


def test_a_reader_of_history_who_sends_on_is_read_no_further(site: ChatSite, cookies: list[str]) -> None:
    """What waits behind a request that waits for the reader stays in the kernel: it would be megabytes for each."""
    with ChatSite(beside=site, env={"CHAT_RATE": "off", "CHAT_FRAME_BYTES": "65536"}) as free:
        script = "from chatcore import services as s\n"
        script += "s.post_messages([s.Post('newbox', 'x' * 4000) for _ in range(250)])"
        free.manage("shell", "-c", script)
        [cookie] = free.sign_in("dora")
        wire = Wire(free.host, free.port, receive_buffer=4096)
        with wire.open("/ws/chat/newbox/?v=1", f"Cookie: {cookie}\r\n".encode()):
            wire.send('{"type":"hello"}')
            for _ in range(4):
                wire.send('{"type":"history","limit":500}')
            assert sent_until_stuck(wire) < UNREAD_MOST
