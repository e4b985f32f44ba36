"""`chat_send --lines` and `--jsonl` with a database."""

import fcntl
import io
import json
import os
import sys
import termios
import threading
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from chatcore import history, services
from chatcore.events import encode
from tests.integration.sending import (
    Pipe,
    answers,
    half_done,
    refused,
    sent,
    stored,
    texts,
)
from tests.unit.hostile import HOSTILE
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rooms(db: None) -> None:
    services.create_room("newbox")
    services.create_room("ops", max_length=10)


def test_each_line_is_a_notice_and_one_line_of_output_tells_of_all(pipe: Pipe) -> None:
    pipe(b"one\ntwo\n\n  \nthree")
    assert sent("newbox", "--lines") == "newbox #1..#3 (3 sent)\n"
    assert [(message.message, message.kind) for message in stored()] == [
        ("one", "notice"), ("two", "notice"), ("three", "notice"),
    ]  # fmt: skip


@pytest.mark.parametrize(("data", "line"), [(b"", "newbox (0 sent)\n"), (b"x\n", "newbox #1 (1 sent)\n")])
def test_no_line_and_one_line_are_told_as_well(pipe: Pipe, data: bytes, line: str) -> None:
    pipe(data)
    assert sent("newbox", "--lines") == line


def test_more_lines_than_a_transaction_holds_keep_their_order(pipe: Pipe) -> None:
    pipe("".join(f"{number}\n" for number in range(1, 1001)).encode())
    assert sent("newbox", "--lines") == "newbox #1..#1000 (1000 sent)\n"
    assert texts() == [str(number) for number in range(1, 1001)]


def test_the_options_of_a_message_are_those_of_every_line(pipe: Pipe) -> None:
    get_user_model().objects.create_user("alice")
    pipe(b"a\nb\n")
    sent("newbox", "--lines", "--as", "alice", "--title", "log", "-p", "low", "--tag", "x", "--expire", "1h")
    for message in stored():
        assert (message.kind, message.title, message.priority, message.tags) == ("message", "log", 2, ["x"])
        assert message.expires_at is not None


def test_a_list_of_rooms_gets_each_line_in_each_room(pipe: Pipe) -> None:
    pipe(b"a\nb\n")
    assert sent("newbox,ops", "--lines") == "newbox #1..#2 (2 sent)\nops #1..#2 (2 sent)\n"
    assert texts("ops") == ["a", "b"]


def test_json_is_an_object_a_message_and_nothing_else(pipe: Pipe) -> None:
    pipe(b"a\nb\n")
    found = answers("newbox", "--lines")
    assert [(answer["status"], answer["live"], answer["message"]["message"]) for answer in found] == [
        ("sent", "none", "a"), ("sent", "none", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("options", [["-q"], ["-q", "--json"], ["-v0"]])
def test_nothing_is_printed_when_nothing_is_wanted(pipe: Pipe, options: list[str]) -> None:
    pipe(b"a\n")
    assert sent("newbox", "--lines", *options) == ""
    assert texts() == ["a"]


def test_a_key_makes_a_second_run_add_only_what_is_new_and_blank_lines_count(pipe: Pipe) -> None:
    services.post_messages([services.Post("newbox", "one", kind="notice", source="cli", key="load:1", key_scope="cli")])
    pipe(b"one\n\nthree\n")
    assert sent("newbox", "--lines", "--key", "load") == "newbox #1..#2 (1 sent, 1 already sent)\n"
    assert texts() == ["one", "three"]
    (repeat,) = services.post_messages(
        [services.Post("newbox", "three", kind="notice", source="cli", key="load:3", key_scope="cli")]
    )
    assert isinstance(repeat, services.Posted)
    assert repeat.duplicate


def test_a_line_that_changed_under_its_key_is_named_and_ends_the_run_there(pipe: Pipe) -> None:
    services.post_messages([services.Post("newbox", "was", kind="notice", source="cli", key="load:2", key_scope="cli")])
    pipe(b"one\nis\nthree\n")
    error = refused("newbox", "--lines", "--key", "load")
    assert error.returncode == 4
    assert str(error).startswith("line 2: key load:2 was used")
    assert texts() == ["was", "one"]


@pytest.mark.parametrize(
    ("data", "line", "code", "word"),
    [
        ("eins\nzwölf\ndrei\n".encode("latin-1"), 2, 2, "UTF-8"),
        ("one\ntwo\n".encode("utf-16"), 1, 2, "UTF-8"),
        ("one\ntwo\n".encode("utf-16-le"), 1, 2, "NUL"),
        (b"one\na\0b\nthree\n", 2, 2, "NUL"),
        (b"one\n\n" + b"x" * 4001 + b"\nfour\n", 3, 4, "4001 characters, the limit is 4000"),
    ],
)
def test_a_bad_line_is_named_and_ends_the_run_after_those_before_it(
    pipe: Pipe, data: bytes, line: int, code: int, word: str
) -> None:
    pipe(data)
    error = refused("newbox", "--lines")
    assert error.returncode == code
    assert str(error).startswith(f"line {line}: ")
    assert word in str(error)
    assert texts() == (["eins"] if word == "UTF-8" and line > 1 else ["one"] if line > 1 else [])


def test_the_limit_is_that_of_the_room(pipe: Pipe) -> None:
    pipe(b"0123456789\n01234567890\n")
    assert str(refused("ops", "--lines")).startswith("line 2: the message has 11 characters, the limit is 10")


def test_too_long_lines_can_be_cut(pipe: Pipe) -> None:
    pipe(b"0123456789\n01234567890\n")
    sent("ops", "--lines", "--truncate")
    assert texts("ops") == ["0123456789", "012345678…"]


def test_one_can_go_on_after_bad_lines_and_the_exit_code_is_the_worst(pipe: Pipe) -> None:
    pipe(b"one\n\xff\n" + b"x" * 5000 + b"\nfour\n")
    error, out, talk = half_done("newbox", "--lines", "--keep-going")
    assert error.returncode == 4
    assert str(error) == "2 lines were refused, the others are sent"
    assert out == "newbox #1..#2 (2 sent)\n"
    assert [line.partition(":")[0] for line in talk.splitlines()] == ["line 2", "line 3"]
    assert texts() == ["one", "four"]


def test_going_on_works_when_the_database_refuses_one_of_many(pipe: Pipe) -> None:
    services.post_messages([services.Post("newbox", "was", source="cli", key="k:2", key_scope="cli")])
    pipe(b"one\nis\nthree\n")
    error, out, talk = half_done("newbox", "--lines", "--keep-going", "--key", "k")
    assert (error.returncode, out) == (4, "newbox #2..#3 (2 sent)\n")
    assert talk.startswith("line 2: ")
    assert texts() == ["was", "one", "three"]


def test_who_may_not_write_there_is_told_before_anything_is_read(pipe: Pipe) -> None:
    pipe(b"a\n")
    get_user_model().objects.create_user("alice")
    assert refused("newbox", "--lines", "--as", "alice", "--kind", "notice").returncode == 4
    assert refused("newbx", "--lines").returncode == 3
    assert sys.stdin.read() == "a\n"


def test_a_room_may_be_created_by_the_way(pipe: Pipe) -> None:
    pipe(b"a\n")
    assert sent("fresh", "--lines", "--create") == "fresh #1 (1 sent)\n"


def test_no_room_is_created_for_somebody_who_may_not_write_to_all_of_them() -> None:
    get_user_model().objects.create_user("alice")
    services.create_room("news", announce_only=True)
    assert refused("fresh,news", "--lines", "--create", "--as", "alice").returncode == 4
    assert refused("fresh", "--lines", "--create", "--as", "alice", "--kind", "notice").returncode == 4
    assert history.room_names() == ["newbox", "news", "ops"]


def test_lines_may_keep_one_message_up_to_date(pipe: Pipe) -> None:
    pipe(b"10 %\n20 %\n20 %\n30 %\n")
    assert sent("newbox", "--lines", "--slot", "build") == "newbox #1 (1 sent, 1 already sent, 2 edited)\n"
    assert texts() == ["30 %"]


def test_a_dry_run_checks_every_line_and_stores_none(pipe: Pipe) -> None:
    pipe(b"a\nb\n")
    assert sent("newbox", "--lines", "-n") == "newbox (dry run: 2 could be sent)\n"
    assert texts() == []


def test_a_dry_run_finds_the_bad_line(pipe: Pipe) -> None:
    pipe(b"a\n01234567890\n")
    assert str(refused("ops", "--lines", "-n")).startswith("line 2: ")


@pytest.mark.parametrize("kind", ["--lines", "--jsonl"])
def test_hostile_lines_are_stored_as_they_are(pipe: Pipe, kind: str) -> None:
    wanted = [text for text in HOSTILE.values() if "\n" not in text]
    lines = wanted if kind == "--lines" else [json.dumps({"message": text}) for text in wanted]
    pipe("".join(f"{line}\n" for line in lines).encode())
    sent("newbox", kind)
    assert texts() == wanted


def test_json_lines_bring_their_own_attributes_and_the_options_fill_in(pipe: Pipe) -> None:
    lines = [
        {"message": "plain"},
        {"message": "two\nlines", "title": "own", "priority": 5, "tags": ["x"], "url": "https://x", "format": "code"},
        {"message": "an answer", "reply_to": 1, "kind": "announcement"},
        {"message": "gone soon", "expires_at": "2999-01-01T00:00:00Z"},
    ]
    pipe("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert sent("newbox", "--jsonl", "--title", "given", "-p", "2") == "newbox #1..#4 (4 sent)\n"
    plain, two, reply, gone = stored()
    assert (plain.title, plain.priority, plain.kind) == ("given", 2, "notice")
    assert (two.message, two.title, two.priority, two.tags, two.url, two.format) == (
        "two\nlines", "own", 5, ["x"], "https://x", "code",
    )  # fmt: skip
    assert (reply.reply_to, reply.kind) == (1, "announcement")
    assert gone.expires_at is not None
    assert gone.expires_at.year == 2999


def test_the_key_of_a_json_line_wins_over_the_numbered_one(pipe: Pipe) -> None:
    pipe(b'{"message": "a", "key": "mine"}\n{"message": "b"}\n')
    sent("newbox", "--jsonl", "--key", "k")
    scope = {"kind": "notice", "source": "cli", "key_scope": "cli"}
    posts = [services.Post("newbox", text, key=key, **scope) for text, key in (("a", "mine"), ("b", "k:2"))]  # type: ignore[arg-type]
    assert all(isinstance(result, services.Posted) and result.duplicate for result in services.post_messages(posts))


def test_messages_of_one_room_as_they_are_printed_can_be_sent_to_another(pipe: Pipe) -> None:
    sent("newbox", "--title", "t", "hello")
    sent("newbox", "gone")
    sent("newbox", "--delete", "2")
    sent("newbox", "--slot", "s", "kept")
    room = history.room_named("newbox").id
    pipe(b"".join(encode(message) + b"\n" for message in history.messages_after(room, 0, 10)))
    assert sent("ops", "--jsonl") == "ops #1..#2 (2 sent)\n"
    assert [(message.message, message.title, message.slot) for message in stored("ops")] == [
        ("hello", "t", None), ("kept", None, "s"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [
        (b'{"message": "a", "message": "b"}', 2, "twice"),
        (b'{"message": "a", "nonsense": 1}', 2, "unknown key"),
        (b'{"message": 1}', 2, "must be a text"),
        (b"{", 2, "not JSON"),
        (b'{"message": "\\ud800"}', 2, "surrogate"),
        (b'{"message": "a\\u0000b"}', 2, "NUL"),
        (b'{"message": " "}', 2, "empty"),
        (b'{"message": "a", "kind": "shout"}', 2, "no kind shout"),
        (b'{"message": "a", "url": "javascript:alert(1)"}', 2, "link"),
        (b'{"message": "a", "priority": 9}', 2, "priority 9"),
        (b'{"message": "a", "reply_to": 99}', 3, "#99"),
        (b'{"message": "' + b"x" * 5000 + b'"}', 4, "5000 characters"),
    ],
)
def test_a_bad_json_line_is_named(pipe: Pipe, line: bytes, code: int, word: str) -> None:
    pipe(b'{"message": "first"}\n\n' + line + b'\n{"message": "last"}\n')
    error = refused("newbox", "--jsonl")
    assert (error.returncode, str(error).startswith("line 3: "), word in str(error)) == (code, True, True)
    assert texts() == ["first"]


def test_closed_or_absent_input_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CommandError) as caught:
        sent("newbox", "--lines")
    assert caught.value.returncode == 2


@pytest.mark.parametrize("source", ["--lines", "-"])
def test_input_that_cannot_be_read_is_a_usage_error(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8") as stdin:
        os.dup2(descriptor, stdin.fileno())
        os.close(descriptor)
        monkeypatch.setattr("sys.stdin", stdin)
        error = refused("newbox", source)
    assert (error.returncode, str(error)) == (2, "standard input cannot be read: Bad file descriptor")


@pytest.mark.parametrize("source", ["--lines", "-"])
def test_input_is_read_to_its_end_also_where_it_is_set_not_to_wait(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def unread() -> int:
        return int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder)

    def write() -> None:
        for piece in (b"one\n", b"two\n", b"three\n"):
            os.write(writing, piece)
            wait_until(lambda: not unread(), "it is read")
        os.close(writing)

    with os.fdopen(reading, encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        writer = threading.Thread(target=write)
        writer.start()
        sent("newbox", source)
        writer.join()
    assert "\n".join(texts()) == "one\ntwo\nthree"


@pytest.mark.parametrize("source", ["--lines", "-"])
@pytest.mark.parametrize("stdin", [io.StringIO("a\nb\n"), io.TextIOWrapper(io.BytesIO(b"a\nb\n"))])
def test_a_program_may_put_a_stream_of_its_own_in_the_place_of_standard_input(
    source: str, stdin: io.TextIOBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin.seek(0)
    monkeypatch.setattr("sys.stdin", stdin)
    sent("newbox", source)
    assert "\n".join(texts()) == "a\nb"


def test_the_settings_limit_counts_where_the_room_has_none(pipe: Pipe, settings: Settings) -> None:
    settings.CHAT_MAX_LENGTH = 3
    pipe(b"abc\nabcd\n")
    assert refused("newbox", "--lines").returncode == 4
