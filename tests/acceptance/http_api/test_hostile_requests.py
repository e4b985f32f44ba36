"""Requests that no decent client sends, as bytes: each is answered with what is wrong or cut off, nothing of it is
stored, the log has a line for it at most, and the server goes on."""

from contextlib import suppress
from itertools import count
from socket import SHUT_WR

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.http_api.guest import Guest, token
from tests.acceptance.http_api.hostile import CASES, Case, chunked, post
from tests.acceptance.site import ChatSite
from tests.acceptance.wire import Wire
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
_fences = count(1)


@pytest.fixture(scope="module")
def site(site: ChatSite) -> ChatSite:
    assert site.manage("create_room", "hostile").returncode == 0
    return site


@pytest.fixture(scope="module")
def writer(site: ChatSite) -> Guest:
    return Guest(site, token(site, "hostile", "--room", "hostile", "--room", "newbox"))


def whole(site: ChatSite, text: str, request: bytes) -> bytes:
    return request.replace(b"HOST", f"{site.host}:{site.port}".encode()).replace(b"TOKEN", text.encode())


def status(site: ChatSite, data: bytes, *, ends: bool) -> int:
    """Of the answer; 0 if there is none before the connection's end."""
    with Wire(site.host, site.port) as wire:
        with suppress(ConnectionError):  # it was answered before all of it was sent
            wire.socket.sendall(data)
            if ends:
                wire.socket.shutdown(SHUT_WR)
        head = wire.head()
    return int(head.split()[1]) if head.startswith(b"HTTP/1.") else 0


def said_for(site: ChatSite, writer: Guest, case: Case) -> tuple[int, list[str]]:
    """The answer's status, and what the log has for it: up to the line of a refusal that comes after it."""
    before = len(site.stderr)
    found = status(site, whole(site, str(writer.token), case.request), ends=case.ends)
    fence = f"fence-{next(_fences)}.invalid"
    with Wire(site.host, site.port) as wire:
        assert wire.handshake("/ws/chat/hostile/", f"Origin: http://{fence}\r\n".encode()).startswith(b"HTTP/1.1 403 ")
    wait_until(lambda: fence in site.stderr[before:], "the line of the fence")
    return found, [line for line in site.stderr[before:].splitlines() if fence not in line]


@pytest.mark.runchat("what its server answers; other servers have their own ways")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_told_or_cut_off_and_has_one_line_at_most(site: ChatSite, writer: Guest, case: Case) -> None:
    found, lines = said_for(site, writer, case)
    assert found in (case.status if isinstance(case.status, tuple) else (case.status,)), lines
    assert len(lines) <= 1, lines
    assert all(line.isprintable() for line in lines), lines
    assert "Traceback" not in "".join(lines)


@pytest.mark.runchat("what its server answers; other servers have their own ways")
def test_nothing_of_it_was_stored_and_the_server_goes_on(site: ChatSite, writer: Guest) -> None:
    for case in CASES:
        status(site, whole(site, str(writer.token), case.request), ends=case.ends)
    assert writer.post("hostile", "good").status == 201
    assert [message["message"] for message in in_the_log(site, "hostile")] == ["good"]
    assert "Traceback" not in site.stderr


def test_requests_in_one_segment_are_answered_in_order(site: ChatSite, writer: Guest) -> None:
    site.manage("create_room", "pipeline")
    guest = Guest(site, token(site, "pipeline", "--room", "pipeline"))
    requests = [post(body=b"%d" % number, target=b"/api/rooms/pipeline/messages") for number in range(20)]
    data = b"".join(whole(site, str(guest.token), request) for request in requests)
    with Wire(site.host, site.port) as wire:
        wire.socket.sendall(data.replace(b"Connection: close\r\n", b""))
        for number in range(20):
            head = wire.head()
            assert head.startswith(b"HTTP/1.1 201 ")
            [line] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            size = int(line.split()[1])
            while len(wire.received) < size:
                assert wire._more()
            body, wire.received = wire.received[:size], wire.received[size:]
            assert b'"message":"%d"' % number in body
    assert [message["message"] for message in in_the_log(site, "pipeline")] == [str(number) for number in range(20)]


def test_a_body_in_chunks_is_a_message_as_any_other(site: ChatSite, writer: Guest) -> None:
    body = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
    request = chunked(body).replace(b"/hostile/", b"/newbox/")
    assert status(site, whole(site, str(writer.token), request), ends=False) == 201
    assert writer.get("rooms/newbox/messages?limit=1").json["messages"][0]["message"] == "hello world"


@pytest.mark.runchat("its answer to Expect")
def test_who_waits_to_be_told_to_go_on_is_told(site: ChatSite, writer: Guest) -> None:
    head, _, body = whole(
        site, str(writer.token), post(b"Expect: 100-continue", body=b"expected").replace(b"/hostile/", b"/newbox/")
    ).partition(b"\r\n\r\n")
    with Wire(site.host, site.port) as wire:
        wire.socket.sendall(head + b"\r\n\r\n")
        assert wire.head().startswith(b"HTTP/1.1 100 ")
        wire.socket.sendall(body)
        assert wire.head().startswith(b"HTTP/1.1 201 ")
    assert writer.get("rooms/newbox/messages?limit=1").json["messages"][0]["message"] == "expected"


def test_half_a_request_of_many_does_not_keep_others_out(site: ChatSite, writer: Guest) -> None:
    """A body that never comes costs its own connection."""
    head = whole(site, str(writer.token), post(b"Content-Length: 100", body=b"half", length=False))
    wires = [Wire(site.host, site.port) for _ in range(100)]
    try:
        for wire in wires:
            wire.socket.sendall(head)
        assert [writer.post("newbox", f"beside {number}").status for number in range(10)] == [201] * 10
    finally:
        for wire in wires:
            wire.reset()
    assert writer.post("newbox", "after them").status == 201
