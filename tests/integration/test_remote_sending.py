"""`chat_send --server`: what is asked of a server, and what is made of its answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.integration.answering import LOST, Answering, http

TOKEN = "rl_abcdefghijkl_" + "s" * 43


@pytest.fixture(autouse=True)
def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no token."""
    monkeypatch.delenv("ROOMLINE_TOKEN_FILE", raising=False)


@pytest.fixture
def token(tmp_path: Path) -> str:
    """The file of a token."""
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(TOKEN + "\n")
    return str(path)


def answers(*seqs: int, **more: Any) -> bytes:
    """What a server says that has stored messages of these numbers."""
    found = [
        {"status": "sent", "live": "pushed", "delivered": None, "seen": None,
         "message": {"type": "message", "room": "newbox", "seq": seq}, **more}
        for seq in seqs
    ]  # fmt: skip
    return http(json.dumps({"answers": found}).encode(), "201 Created")


def refusal(status: str, code: str, detail: str, **more: Any) -> bytes:
    return http(json.dumps({"type": "error", "code": code, "detail": detail, **more}).encode(), status)


def sent(server: Answering) -> Iterator[tuple[str, dict[str, Any]]]:
    """The requests' first lines, and their bodies."""
    for request in server.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        yield head.decode().split("\r\n")[0], json.loads(body) if body else {}


def send(server: Answering, token: str, *line: str, **options: Any) -> None:
    call_command("chat_send", *line, "--server", server.url, "--token-file", token, **options)


def test_the_options_are_the_apis_fields(token: str) -> None:
    with Answering(answers(1)) as server:
        line = ["newbox", "hi", "--title", "T", "--tag", "a", "--tag", "b", "-p", "max", "--link", "https://e.org/"]
        line += ["--format", "code", "--kind", "notice", "--reply-to", "4", "--slot", "s", "--once", "1h", "--key", "k"]
        send(server, token, *line, "--expire", "2h", "--name", "Build")
        ((first, body),) = sent(server)
    assert first == "POST /api/messages HTTP/1.1"
    assert body["messages"] == [
        {"room": "newbox", "message": "hi", "key": "k", "kind": "notice", "username": "Build", "reply_to": 4,
         "slot": "s", "once": 3600.0, "title": "T", "priority": 5, "tags": ["a", "b"], "url": "https://e.org/",
         "format": "code", "expires_in": 7200.0}
    ]  # fmt: skip


def test_a_lost_answer_is_asked_for_again_under_a_key_of_our_own(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Answering(LOST, answers(7, status="duplicate")) as server:
        send(server, token, "newbox", "hi", "--json")
        (_, first), (_, second) = sent(server)
    assert first == second
    assert first["messages"][0]["key"].startswith("auto:")
    assert json.loads(capsys.readouterr().out)["status"] == "sent"


def test_a_key_that_was_given_tells_of_the_duplicate(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Answering(answers(7, status="duplicate")) as server:
        send(server, token, "newbox", "hi", "--key", "k")
    assert capsys.readouterr().out == "newbox #7 (already sent)\n"


def test_an_answer_that_stays_lost_is_exit_code_5_and_says_what_to_do(token: str) -> None:
    with Answering(LOST) as server:
        with pytest.raises(CommandError, match="may be stored: repeat it with the same --key") as caught:
            send(server, token, "newbox", "hi", "--key", "k", "--retry", "1")
        assert len(server.requests) == 2
    assert caught.value.returncode == 5


def test_a_deletion_whose_answer_is_lost_is_not_repeated(token: str) -> None:
    with Answering(LOST) as server:
        with pytest.raises(CommandError, match="may be stored: look whether it is there"):
            send(server, token, "newbox", "--delete", "7")
        assert [line for line, _ in sent(server)] == ["DELETE /api/rooms/newbox/messages/7 HTTP/1.1"]


def test_too_much_is_sent_again_when_the_server_says(token: str) -> None:
    too_much = refusal("429 Too Many", "rate", "too many messages: wait 0.1 s", retry_after=0.1)
    with Answering(too_much, answers(1)) as server:
        send(server, token, "newbox", "hi")
        assert len(server.requests) == 2


def test_a_text_is_cut_to_the_limit_that_the_server_names(token: str) -> None:
    too_long = refusal("413 Too Long", "too_long", "the message has 9 characters", limit=5, index=0)
    with Answering(too_long, answers(1)) as server:
        send(server, token, "newbox", "123456789", "--truncate")
        *_, (_, body) = sent(server)
    assert body["messages"][0]["message"] == "1234…"


def test_a_refusal_keeps_its_exit_code_and_shows_as_one_line(token: str) -> None:
    answer = refusal("403 Forbidden", "forbidden", "not\nyou\x1b[31m")
    with Answering(answer) as server, pytest.raises(CommandError) as caught:
        send(server, token, "newbox", "hi")
    assert (str(caught.value), caught.value.returncode) == (r"not\nyou\x1b[31m", 4)


def test_what_a_server_says_of_messages_is_shown_as_one_safe_line(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = {"type": "message", "room": "a\x1b]0;x\x07\nb", "seq": 1}
    with Answering(answers(1, message=evil)) as server:
        send(server, token, "newbox", "hi")
    assert capsys.readouterr().out == r"a\x1b]0;x\x07\nb #1" + "\n"


@pytest.mark.parametrize(
    "body", [{}, {"answers": 1}, {"answers": [1]}, {"answers": [{}]}, {"answers": [{"status": "x", "message": {}}]}]
)
def test_an_answer_that_says_nothing_of_the_message_is_told(token: str, body: dict[str, Any]) -> None:
    answer, told = http(json.dumps(body).encode()), "does not say what became of the message"
    with Answering(answer) as server, pytest.raises(CommandError, match=told) as caught:
        send(server, token, "newbox", "hi")
    assert caught.value.returncode == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["newbox", "hi", "--as", "alice"], "--as is for the server's own machine"),
        (["newbox", "hi", "--create"], "--create is for the server's own machine"),
        (["newbox", "hi", "--socket", "/x"], "--server does not go with --socket"),
        (["newbox", "hi", "--as", "a", "--name", "b"], "--as does not go with --name"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(token: str, line: list[str], reason: str) -> None:
    with Answering(answers(1)) as server:
        with pytest.raises(CommandError, match=reason) as caught:
            send(server, token, *line)
        assert server.requests == []
    assert caught.value.returncode == 2


def test_a_token_needs_a_server_and_a_server_a_token(token: str) -> None:
    with pytest.raises(CommandError, match="--token-file needs --server or --socket") as caught:
        call_command("chat_send", "newbox", "hi", "--token-file", token)
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="no token: name its file by --token-file") as caught:
        call_command("chat_send", "newbox", "hi", "--server", "https://chat.example.org")
    assert caught.value.returncode == 2


def test_the_apis_address_is_not_the_chats(token: str) -> None:
    missing = b'{"type":"error","code":"not_found","detail":"no address \'api/api/messages\'"}'
    with Answering(http(missing, "404 Not Found")) as server, pytest.raises(CommandError) as caught:
        call_command("chat_send", "newbox", "hi", "--server", f"{server.url}/api/", "--token-file", token)
    assert str(caught.value).endswith("is the API's address: give the chat's, without /api")


@pytest.mark.parametrize("text", ["", "two words", "two\nlines", "ümlaut", "x" * 5000])
def test_a_file_without_a_token_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(CommandError, match="token holds no token: it is one line") as caught:
        call_command("chat_send", "newbox", "hi", "--server", "https://chat.example.org", "--token-file", str(path))
    assert caught.value.returncode == 2
    assert not text or text not in str(caught.value)


def test_a_token_that_others_may_read_is_a_warning(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(token).chmod(0o644)
    with Answering(answers(1)) as server:
        send(server, token, "newbox", "hi")
        assert capsys.readouterr().err == f"Warning: others may read {token}: chmod 600 {token}\n"
        send(server, token, "newbox", "hi", "-q")
    assert capsys.readouterr().err == ""


def test_lines_go_on_after_the_one_that_is_refused(
    token: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "lines"
    lines.write_text("one\ntwo\nthree\n")
    refused = refusal("400 Bad", "bad_text", "it is wrong", index=1)
    with lines.open() as stdin, Answering(refused, answers(1), refused, answers(2)) as server:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(CommandError, match="1 line was refused, the others are sent") as caught:
            send(server, token, "newbox", "--lines", "--keep-going")
        texts = [[message["message"] for message in body["messages"]] for _, body in sent(server)]
    assert texts == [["one", "two", "three"], ["one"], ["two"], ["three"]]
    assert caught.value.returncode == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("newbox #1..#2 (2 sent)\n", "line 2: it is wrong\n")
