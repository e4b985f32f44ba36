"""Streams of a real server: bounded for who does not read, ended in order, gone with their clients."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.acceptance.local import asked, local_path, next_event, opened
from tests.acceptance.resources import resources
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its own backpressure, and its own socket")]
STREAM = "/api/rooms/newbox/stream"
CAP = 100_000


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite(env={"CHAT_OUTBOX_BYTES": str(CAP), "CHAT_MAX_LENGTH": "20000", "CHAT_METRICS": "all"}) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site
        assert "Traceback" not in site.stderr


def post(site: ChatSite, *texts: str) -> None:
    for text in texts:
        assert asked(local_path(site), "POST", "/api/rooms/newbox/messages", text)[0] == 201


def streams(site: ChatSite) -> int:
    """How many are open, by the server's own count."""
    with urlopen(site.url + "metrics") as answer:
        found = re.search(r'^roomline_sockets\{kind="stream"\} (\S+)$', answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def followed(site: ChatSite) -> int:
    """How many rooms somebody is in."""
    with urlopen(site.url + "metrics") as answer:
        found = re.search(r"^roomline_rooms_followed (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def silent(site: ChatSite, target: str = STREAM, version: str = "1.1") -> socket.socket:
    """A client that asks for a stream, and reads nothing by itself."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE_S)
    client.connect(str(local_path(site)))
    client.sendall(f"GET {target} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
    return client


def read_to_the_end(client: socket.socket) -> bytes:
    found = b""
    while data := client.recv(65536):
        found += data
    return found


def dechunked(body: bytes) -> bytes:
    """The content of a body in chunks, which must be whole, the last one too."""
    found = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        if length == 0:
            assert rest == b"\r\n"
            return found
        found, body = found + rest[:length], rest[length + 2 :]


def test_who_reads_too_slowly_is_given_up_and_costs_no_memory(site: ChatSite) -> None:
    assert site.process is not None
    clients = [silent(site) for _ in range(5)]
    wait_until(lambda: streams(site) == 5, "the streams")
    before = resources(site.process.pid).rss
    for _ in range(150):
        post(site, "x" * 15_000)
    wait_until(lambda: streams(site) == 0, "that they are given up")
    assert resources(site.process.pid).rss - before < 20_000_000
    for client in clients:
        with client:  # cut off, unless it has begun to read within two seconds
            assert len(read_to_the_end(client)) < 2_000_000
    metrics = urlopen(site.url + "metrics").read()
    assert b"roomline_slow_readers_total 5.0" in metrics


def test_who_reads_slowly_what_is_old_is_not(site: ChatSite) -> None:
    """Ten times what may wait of live events."""
    texts = [f"{number} " + "x" * 10_000 for number in range(100)]
    post(site, *texts)
    with silent(site, STREAM + "?after=0", "1.0") as client:
        body, found = client.makefile("rb"), []
        for line in body:
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:])["message"])
            if len(found) == 100:
                break
    assert found == texts


def test_a_server_that_stops_ends_them_whole_and_what_was_posted_is_in_them(site: ChatSite) -> None:
    lines = [opened(local_path(site), STREAM) for _ in range(3)]
    client = silent(site)
    wait_until(lambda: streams(site) == 4, "the streams")
    post(site, "last words")
    assert site.stop() == 0
    for line in lines:
        found = next_event(line)
        assert found is not None
        assert found["message"] == "last words"
        assert next_event(line) is None
    with client:
        body = read_to_the_end(client).partition(b"\r\n\r\n")[2]
    assert dechunked(body).count(b"event: message") == 1


def test_the_last_number_brings_a_reader_on_through_a_server_that_was_killed(site: ChatSite) -> None:
    answer = opened(local_path(site), STREAM + "?after=0")
    post(site, "one", "two")
    seen = [next_event(answer), next_event(answer)]
    site.kill()
    answer.close()
    site.start()
    post(site, "three")
    assert seen[1] is not None
    again = opened(local_path(site), STREAM, {"Last-Event-ID": str(seen[1]["rev"])})
    found = next_event(again)
    assert found is not None
    assert found["message"] == "three"
    again.close()


def test_clients_that_leave_free_their_places(site: ChatSite) -> None:
    clients = [silent(site, version=version) for version in ("1.0", "1.1") for _ in range(10)]
    wait_until(lambda: streams(site) == 20, "the streams")
    for client in clients:
        client.close()
    for _ in range(200):
        silent(site).close()  # before it was let in, or was answered at all
    wait_until(lambda: streams(site) == 0, "that nothing is left of them")
    wait_until(lambda: followed(site) == 0, "that nobody follows the room any more")
    assert site.stderr == ""


def test_what_a_client_sends_after_its_request_is_not_looked_at(site: ChatSite) -> None:
    with silent(site) as client:
        client.sendall(b"GET /api/rooms HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)
        wait_until(lambda: streams(site) == 1, "the stream")
        post(site, "hello")
        found = b""
        while b"hello" not in found:
            found += client.recv(65536)
    assert found.count(b"HTTP/1.1 200 OK") == 1
    assert b"Connection: close" in found
