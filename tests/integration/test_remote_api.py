"""What `roomline` makes of what a server answers: of any server, also of one that means ill."""

import socket
import time
from pathlib import Path

import pytest

from chatcli.remote.api import Api
from chatcli.remote.connection import Server, parsed
from chatcli.remote.errors import AnswerLost, NoRoomline, Refused, Unreachable
from chatcore.exceptions import ChatError
from tests.integration.answering import SILENT, Answering, http
from tests.waiting import DEADLINE_S


def asked(server: Answering, *, seconds: float = DEADLINE_S) -> object:
    """What a call gets from it."""
    place = parsed(f"{server.url}/team")._replace(token="rl_a_b")
    return Api(place).call("POST", "messages", until=time.monotonic() + seconds, body={"message": "ä"}).content


@pytest.mark.parametrize(
    "answer",
    [
        http(b'{"a": 1}'),
        b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200\r\ncontent-length:8\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\n{"a":\r\n3;x=y\r\n 1}\r\n0\r\nX: y\r\n\r\n',
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(b'{"a": 1}', "201 Created"),
    ],
    ids=["length", "until the end", "no reason", "chunks", "hints before"],
)
def test_an_answer_may_have_any_form_of_http(answer: bytes) -> None:
    with Answering(answer) as server:
        assert asked(server) == {"a": 1}


def test_a_request_names_host_length_and_token() -> None:
    with Answering(http(b"{}")) as server:
        asked(server)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /team/api/messages HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Authorization: Bearer rl_a_b" in lines
    assert body.decode() == r'{"message":"\u00e4"}'
    assert f"Content-Length: {len(body)}" in lines


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x15\x03\x01\x00\x02\x02P\r\n\r\n", b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 ²00 OK\r\n\r\n".encode("latin-1"),
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n",
        http(b"<html>hello"), http(b"[1]"), http(b"\xff"), http(b"[" * 100_000), http(b"null"),
        http(b"<html>", "404 Not Found"), http(b"", "401 Unauthorized"), http(b"", "500 Oops"),
        http(b'{"type":"error","code":7,"detail":"x"}', "400 Bad Request"),
        http(b"", "302 Found", ["Location: https://elsewhere.example/"]),
    ],
)  # fmt: skip
def test_what_is_no_server_of_a_chat_is_told_with_exit_code_1(answer: bytes) -> None:
    with Answering(answer) as server, pytest.raises(NoRoomline) as caught:
        asked(server)
    assert caught.value.exit_code == 1


def test_a_redirect_is_named_and_not_followed() -> None:
    answer = http(b"", "308 Permanent Redirect", ["Location: https://elsewhere.example/team/"])
    with Answering(answer) as server, pytest.raises(NoRoomline, match=r"leads to https://elsewhere\.example/team/"):
        asked(server)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [
        (400, 2),
        (405, 2),
        (415, 2),
        (422, 2),
        (401, 4),
        (403, 4),
        (409, 4),
        (413, 4),
        (404, 3),
        (429, 5),
        (503, 5),
        (500, 1),
    ],
)
def test_a_refusal_is_an_error_with_its_exit_code(status: int, exit_code: int) -> None:
    body = b'{"type":"error","code":"some","detail":"why\\u001b[0m","retry_after":1.5,"index":3,"limit":40}'
    with Answering(http(body, f"{status} No")) as server, pytest.raises(Refused) as caught:
        asked(server)
    error = caught.value
    assert (error.exit_code, error.code, error.wait, error.index, error.limit) == (exit_code, "some", 1.5, 3, 40)


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_a_proxy_without_its_server_is_a_passing_failure(status: str) -> None:
    with Answering(http(b"<html>", status)) as server, pytest.raises(ChatError, match=status) as caught:
        asked(server)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_may_be_one_of_something_stored(answer: bytes) -> None:
    with Answering(answer) as server, pytest.raises(AnswerLost, match="was lost before its answer") as caught:
        asked(server)
    assert caught.value.exit_code == 5


def test_a_server_that_keeps_silent_is_waited_for_no_longer_than_wished() -> None:
    with Answering(SILENT) as server, pytest.raises(AnswerLost, match="did not answer in time"):
        asked(server, seconds=0.1)


def test_a_connection_is_used_again_at_once_and_only_if_the_server_keeps_it() -> None:
    for keeps, connections in ((True, 1), (False, 3)):
        headers = [] if keeps else ["Connection: close"]
        with Answering(http(b"{}", headers=headers), keeps=keeps) as server:
            api = Api(parsed(server.url))
            for _ in range(3):
                api.call("GET", "rooms", until=time.monotonic() + DEADLINE_S)
            api.close()
            assert server.connections == connections


def test_nobody_there_is_a_passing_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match=f"http://127.0.0.1:{port} cannot be reached: Connection refused") as caught:
        Api(parsed(f"http://127.0.0.1:{port}")).call("GET", "rooms", until=time.monotonic() + DEADLINE_S)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("stale", [False, True])
def test_a_socket_on_which_nobody_listens_says_how_a_server_is_started(tmp_path: Path, stale: bool) -> None:
    path = tmp_path / "api.sock"
    if stale:
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(path))
    server = Server("http", "localhost", 80, "", str(path), None)
    with pytest.raises(Unreachable, match=r"no server listens at .*: start it by \./manage\.py runchat"):
        Api(server).call("GET", "rooms", until=time.monotonic() + DEADLINE_S)


def test_a_path_that_is_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    server = Server("http", "localhost", 80, "", str(tmp_path / ("x" * 200)), None)
    with pytest.raises(Unreachable, match="path too long"):
        Api(server).call("GET", "rooms", until=time.monotonic() + DEADLINE_S)
