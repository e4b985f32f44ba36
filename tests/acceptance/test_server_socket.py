"""Our socket in Daphne, with a small application: what is sent arrives, in order, whatever the reader does."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.site import ECHO, ChatSite
from tests.acceptance.wire import BINARY, CLOSE, PING, PONG, TEXT, Frame, Wire, masked, request
from tests.waiting import DEADLINE_S, SOAK, wait_until

pytestmark = pytest.mark.runchat("the server of runchat itself")


@pytest.fixture(scope="module")
def echo_site() -> Iterator[ChatSite]:
    with ChatSite(env={**ECHO, "CHAT_OUTBOX_BYTES": "200000"}, arguments=["--drain", "1"]) as site:
        yield site
        assert site.stderr.count("Traceback") == site.stderr.count("RuntimeError: as you said"), site.stderr


@pytest.fixture
def wire(echo_site: ChatSite) -> Iterator[Wire]:
    with Wire(echo_site.host, echo_site.port) as wire:
        yield wire.open("/own")


def test_an_empty_text_is_a_message(wire: Wire) -> None:
    wire.send("echo ")
    assert wire.receive() == Frame(TEXT, b"")


def test_binary_is_sent_as_binary(wire: Wire) -> None:
    wire.send("binary abc")
    assert wire.receive() == Frame(BINARY, b"abc")


def test_what_the_server_sends_may_be_longer_than_what_clients_may_send(wire: Wire) -> None:
    wire.send("size 300000")
    assert wire.text() == "x" * 300_000


def test_a_message_at_the_limit_is_taken(wire: Wire) -> None:
    wire.send("echo " + "y" * 65_531)
    assert wire.text() == "y" * 65_531


def test_a_frame_over_the_limit_is_1009(wire: Wire) -> None:
    wire.send("echo " + "y" * 65_532)
    assert wire.close_code() == 1009


def test_fragments_over_the_limit_are_1009(wire: Wire) -> None:
    wire.socket.sendall(masked(b"y" * 40_000, final=False) + masked(b"y" * 40_000, 0))
    assert wire.close_code() == 1009


def test_text_that_is_not_utf8_is_1007(wire: Wire) -> None:
    wire.send(b"echo \xff")
    assert wire.close_code() == 1007


def test_a_ping_is_answered_with_its_payload(wire: Wire) -> None:
    wire.send(b"abc", PING)
    assert wire.receive() == Frame(PONG, b"abc")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 4001, 4404])
def test_the_application_closes_with_any_code_and_nothing_follows(wire: Wire, code: int) -> None:
    wire.send(f"close {code}")
    assert wire.receive() == Frame(CLOSE, code.to_bytes(2, "big") + b"as you said")
    wire.send(code.to_bytes(2, "big"), CLOSE)
    assert wire.receive() is None


def test_a_long_reason_is_cut_at_a_whole_character(wire: Wire) -> None:
    wire.send("part x" + "\u00e4" * 100)
    assert wire.receive() == Frame(CLOSE, b"\x03\xe8x" + "\u00e4".encode() * 61)


def test_nothing_follows_a_close_frame_that_the_client_has_not_answered_yet(echo_site: ChatSite, wire: Wire) -> None:
    with Wire(echo_site.host, echo_site.port) as friend:
        friend.open("/own")
        wire.send("close 4001")
        assert wire.close_code() == 4001
        wire.send(b"ping", PING)
        wire.send("echo from beyond")
        friend.send("all late")
        assert friend.text() == "late"
        wire.send((4001).to_bytes(2, "big"), CLOSE)
        assert wire.receive() is None


def test_who_sends_no_more_is_gone(echo_site: ChatSite) -> None:
    with Wire(echo_site.host, echo_site.port) as wire, Wire(echo_site.host, echo_site.port) as friend:
        friend.open("/half")
        wire.open("/half").socket.shutdown(socket.SHUT_WR)
        assert wire.receive() is None
        wait_until(lambda: "left /half" in echo_site.stdout, "it has left the room")
        friend.send("all here")
        assert friend.text() == "here"


def test_what_comes_with_the_handshake_before_its_answer_harms_nothing_that_follows(echo_site: ChatSite) -> None:
    """A client must wait (RFC 6455, section 4.1)."""
    with Wire(echo_site.host, echo_site.port) as wire:
        wire.socket.sendall(request("/own") + masked(b"echo too early"))
        assert wire.head().startswith(b"HTTP/1.1 101 ")
        wire.send("echo in time")
        assert wire.text() in ("too early", "in time")


@pytest.mark.parametrize(
    "more",
    [masked(b"echo too early"), request("/own"), b"\r\n\r\n" * 1000],
    ids=["a frame", "a handshake", "empty lines"],
)
def test_who_goes_on_before_he_is_answered_is_cut_off(echo_site: ChatSite, wire: Wire, more: bytes) -> None:
    before, asked = echo_site.stderr.count("before it was answered"), echo_site.stdout.count("asked for /never")
    with Wire(echo_site.host, echo_site.port) as hasty:
        hasty.socket.sendall(request("/never"))
        wait_until(lambda: echo_site.stdout.count("asked for /never") > asked, "the application's turn")
        hasty.socket.sendall(more)
        with suppress(ConnectionResetError):
            assert hasty.socket.recv(1000) == b""
    wait_until(lambda: echo_site.stderr.count("before it was answered") == before + 1, "one line in the log")
    wait_until(lambda: echo_site.stdout.count("left /never") > asked, "the application's end")
    wire.send("echo fine")
    assert wire.text() == "fine"


def test_a_failing_application_is_1011_and_one_traceback(echo_site: ChatSite, wire: Wire) -> None:
    before = echo_site.stderr.count("as you said")
    wire.send("fail")
    assert wire.close_code() == 1011
    wait_until(lambda: echo_site.stderr.count("as you said") > before, "the traceback")


def test_a_frame_reaches_all_sockets_of_its_room_and_no_other(echo_site: ChatSite, wire: Wire) -> None:
    with Wire(echo_site.host, echo_site.port) as friend, Wire(echo_site.host, echo_site.port) as stranger:
        friend.open("/own")
        stranger.open("/elsewhere")
        friend.send("all hello")
        assert (wire.text(), friend.text()) == ("hello", "hello")
        stranger.send("echo alone")
        assert stranger.text() == "alone"


def test_a_reader_that_stops_is_closed_with_4008_while_others_go_on(echo_site: ChatSite, wire: Wire) -> None:
    with Wire(echo_site.host, echo_site.port, receive_buffer=4096) as slow:
        slow.open("/own")
        wire.send("flood 2000")
        for number in range(2000):
            assert wire.text().startswith(f"{number:06d}")
        frames = []
        while (frame := slow.receive()) and frame.opcode == TEXT:
            frames.append(int(frame.payload[:6]))
        assert frame is not None, "the connection ended without a close frame"
        assert frame.close_code == 4008
        assert frames == list(range(len(frames))), "whole frames, in order, from the first on"
        assert len(frames) < 2000


def test_a_reader_that_stops_for_good_is_cut_off(echo_site: ChatSite, wire: Wire) -> None:
    with Wire(echo_site.host, echo_site.port, receive_buffer=4096) as slow:
        slow.open("/cut")
        with Wire(echo_site.host, echo_site.port) as friend:
            friend.open("/cut")
            friend.send("flood 300")
            friend.send("echo still here")
            while friend.text() != "still here":
                pass
        wait_until(lambda: echo_site.stdout.count("left /cut") >= 2, "both have left the room")


def test_one_that_sends_but_never_reads_is_cut_off_too(echo_site: ChatSite) -> None:
    with Wire(echo_site.host, echo_site.port, receive_buffer=4096) as greedy:
        greedy.open("/greedy")
        with pytest.raises(ConnectionError):
            send_for_ever(greedy, "size 50000")
    wait_until(lambda: "left /greedy" in echo_site.stdout, "it has left")


def test_catching_up_is_no_lag(echo_site: ChatSite) -> None:
    with Wire(echo_site.host, echo_site.port, receive_buffer=4096) as slow:
        slow.open("/catchup")
        slow.send("catchup 3000000")
        assert slow.text() == "c" * 3_000_000
        waited, left = map(int, slow.text().split())
        assert waited > 200_000
        assert left == 0


@pytest.mark.slow
def test_who_catches_up_slowly_is_waited_for_and_who_takes_nothing_is_cut_off_whatever_he_says(
    echo_site: ChatSite,
) -> None:
    """One piece of the past that takes longer than a ping waits for its answer; it is behind that piece."""

    def catching_up() -> Wire:
        wire = Wire(echo_site.host, echo_site.port, receive_buffer=4096)
        wire.open("/past")
        wire.send("catchup 12000000")
        return wire

    with catching_up() as slow, catching_up() as stuck:
        stuck.socket.settimeout(0)
        begun, is_cut, got = time.monotonic(), False, 0
        while not is_cut or time.monotonic() - begun < 45:
            got += len(slow.socket.recv(4096))
            try:
                with suppress(BlockingIOError):
                    stuck.send("echo anybody?")
            except ConnectionError:
                is_cut = True
            assert is_cut or time.monotonic() - begun < 4 * DEADLINE_S, "it was not cut off"
            time.sleep(0.05)
        slow.socket.settimeout(DEADLINE_S)
        while got < 12_000_000:
            got += len(chunk := slow.socket.recv(1_000_000))
            assert chunk, f"cut off after {got} bytes"


def test_a_flood_of_messages_is_read_only_as_fast_as_the_application_takes_it(echo_site: ChatSite, wire: Wire) -> None:
    with Wire(echo_site.host, echo_site.port) as flooder:
        flooder.open("/flood")
        flooder.send("hang")
        flooder.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            send_for_ever(flooder, "z" * 60_000)
        wire.send("echo fine")
        assert wire.text() == "fine"


HOSTILE = [b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\x00", b"\x1b[2J", b"\xff"]


@pytest.mark.parametrize("byte", HOSTILE)
@pytest.mark.parametrize(
    "name", [b"X-Any", b"Origin", b"Sec-WebSocket-Protocol", b"Cookie", b"Host", b"Sec-WebSocket-Extensions"]
)
def test_hostile_bytes_in_a_handshake_are_no_error_of_the_server(echo_site: ChatSite, name: bytes, byte: bytes) -> None:
    before = echo_site.stderr
    with Wire(echo_site.host, echo_site.port) as wire:
        head = wire.handshake("/hostile", name + b": a" + byte + b"b\r\n")
        assert head[:13] in (b"HTTP/1.1 101 ", b"HTTP/1.1 400 ")
    said = echo_site.stderr.removeprefix(before)
    assert "Traceback" not in said
    assert said.isprintable() or said.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /a\x0bb HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET //[ HTTP/1.1",
        b"GET /a?\xff HTTP/1.1",
        b"GET /#x HTTP/1.1",
        b"POST / HTTP/1.1",
    ],
)
def test_a_hostile_request_line_is_400(echo_site: ChatSite, request_line: bytes) -> None:
    before = echo_site.stderr
    with Wire(echo_site.host, echo_site.port) as wire:
        wire.socket.sendall(request_line + request("/").removeprefix(b"GET / HTTP/1.1"))
        assert wire.head()[:10] == b"HTTP/1.1 4"
    assert "Traceback" not in echo_site.stderr.removeprefix(before)


def test_a_client_does_not_choose_the_root_path(echo_site: ChatSite) -> None:
    with Wire(echo_site.host, echo_site.port) as wire:
        wire.open("/own", b"Daphne-Root-Path: /evil\r\n")
        wire.send("root")
        assert wire.text() == ""


@pytest.mark.parametrize("page", ["/small", "/big"])
def test_a_socket_opened_behind_a_page_on_the_same_connection_overtakes_nothing(echo_site: ChatSite, page: str) -> None:
    with Wire(echo_site.host, echo_site.port, receive_buffer=4096) as wire:
        wire.socket.sendall(f"GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + request("/own"))
        assert wire.head().startswith(b"HTTP/1.1 200 ")
        before, _, wire.received = read_up_to(wire, b"HTTP/1.1 101 ").partition(b"HTTP/1.1 101 ")
        assert before.endswith(b"\r\n0\r\n\r\n"), "the whole page came first"
        wire.head()
        wire.send("echo and now")
        assert wire.text() == "and now"


def send_for_ever(wire: Wire, text: str) -> None:
    while True:
        wire.send(text)


def read_up_to(wire: Wire, end: bytes) -> bytes:
    data = wire.received
    while end not in data and (chunk := wire.socket.recv(65536)):
        data += chunk
    return data


@pytest.mark.fault("F16")
def test_half_open_handshakes_are_in_nobodys_way(echo_site: ChatSite) -> None:
    half_open = []
    for _ in range(300):
        half_open.append(Wire(echo_site.host, echo_site.port))
        half_open[-1].socket.sendall(b"GET /own HTTP/1.1\r\nHost: localhost\r\n")
    with Wire(echo_site.host, echo_site.port) as wire:
        wire.open("/own").send("echo served")
        assert wire.text() == "served"
    for wire in half_open:
        if SOAK > 1:  # they are cut after 20 s
            wire.socket.settimeout(25)
            assert wire.receive() is None
        wire.socket.close()


@pytest.mark.fault("F17")
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit (Linux)")
def test_when_descriptors_run_out_old_sockets_live_and_new_ones_come_again(echo_site: ChatSite, wire: Wire) -> None:
    assert echo_site.process is not None
    pid = echo_site.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (taken + 10, limits[1]))
    try:
        crowd = [Wire(echo_site.host, echo_site.port) for _ in range(30)]
        wire.send("echo alive")
        assert wire.text() == "alive"
        for one in crowd:
            one.socket.close()
        wait_until(lambda: served(echo_site), "new ones are served again")
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def served(site: ChatSite) -> bool:
    with Wire(site.host, site.port) as wire:
        return wire.handshake("/own").startswith(b"HTTP/1.1 101 ")
