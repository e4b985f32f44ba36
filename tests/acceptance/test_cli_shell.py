"""The commands as a shell runs them: streams, signals, encodings, terminals. No server runs."""

import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.waiting import DEADLINE_S, wait_until

PLAIN_ENV = (
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
    "TZ",
    "LANG",
    "LC_ALL",
    "COLUMNS",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
)


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server, with the rooms newbox (three messages) and hostile."""
    site = ChatSite()
    for name in PLAIN_ENV:
        site.env.pop(name, None)
    site.env["TERM"] = "xterm-256color"
    try:
        done = site.manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
        for line in (["create_room", "newbox"], ["create_room", "hostile"]):
            assert site.manage(*line).returncode == 0
        for text in ("hello", "Grüße, 世界", "third"):
            assert site.manage("chat_send", "-q", "newbox", text).returncode == 0
        script = "from chatcore import services as s\nfrom chatcore.actors import bot\n"
        script += f"s.post_messages([s.Post('hostile', t, bot(t[:150])) for t in {list(HOSTILE.values())!r}])"
        done = site.manage("shell", "-v0", "-c", script)
        assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


def run(
    site: ChatSite, *arguments: str | bytes, env: Mapping[str, str] | None = None, **streams: int | None
) -> "subprocess.CompletedProcess[bytes]":
    """The command with these streams; otherwise stdin is /dev/null and the outputs are pipes."""
    wanted: dict[str, int | None] = {
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams
    }  # fmt: skip
    command = [*site.command(), *arguments]
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command,
        env={**site.env, **(env or {})},
        cwd="/",
        timeout=DEADLINE_S,
        check=False,
        **wanted,  # type: ignore[call-overload]
    )
    return done


def shell(site: ChatSite, script: str) -> "subprocess.CompletedProcess[bytes]":
    """A line of sh in which `$M` is the command line of manage.py."""
    env = {**site.env, "M": " ".join(site.command())}
    return subprocess.run(
        ["/bin/sh", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=env,
        timeout=DEADLINE_S,
        check=False,
    )


# Streams


def test_standard_input_is_not_touched_when_text_is_given(site: ChatSite) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"for somebody else\n")
    os.close(writing)
    assert run(site, "chat_send", "-q", "newbox", "text", stdin=reading).returncode == 0
    assert os.read(reading, 100) == b"for somebody else\n"
    os.close(reading)


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_a_terminal_as_standard_input_is_refused_with_a_hint(site: ChatSite, dash: list[str]) -> None:
    code, output = on_terminal([*site.command(), "chat_send", "newbox", *dash], site.env)
    assert code == 2
    assert "pipe it in" in output


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [
        ("$M chat_send newbox - <&-", 2, b"closed"),
        ("printf 'Gr\\374\\337e' | $M chat_send newbox -", 2, b"UTF-8"),
        ("yes | $M chat_send newbox -", 4, b"16 MiB"),
        ("$M chat_send newbox x >/dev/full", 1, b"done, but the output cannot be written: No space left"),
        ("$M chat_tail newbox --no-follow >/dev/full", 1, b"the output cannot be written: No space left"),
        ("$M chat_tail newbox --no-follow --json >/dev/full", 1, b"the output cannot be written: No space left"),
        ("$M chat_tail --help >/dev/full", 1, b"the output cannot be written: No space left"),
        ("PYTHONUNBUFFERED=1 $M chat_tail --help >/dev/full", 1, b"the output cannot be written: No space left"),
        ("$M chat_send newbox x >&-", 1, b"standard output is closed"),
        ("$M chat_tail newbox --no-follow >&-", 1, b"standard output is closed"),
    ],
)
def test_a_stream_that_cannot_be_used_is_one_clear_line(site: ChatSite, script: str, code: int, word: bytes) -> None:
    done = shell(site, script)
    assert done.returncode == code
    assert word in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("$M chat_tail nosuch", 3),
        ("$M chat_tail newbox --no-such-option", 2),
        ("$M chat_tail 'later-*' --timeout 0.5", 124),
        ("$M chat_send newbox --edit 999999 x", 3),
    ],
)
@pytest.mark.parametrize("errors", ["2>/dev/full", "2>&-"])
def test_errors_that_cannot_be_written_change_no_exit_code(site: ChatSite, script: str, code: int, errors: str) -> None:
    assert shell(site, f"{script} {errors}").returncode == code


def test_nothing_is_stored_when_the_output_is_closed(site: ChatSite) -> None:
    before = shell(site, "$M chat_tail newbox --no-follow -n1").stdout
    assert shell(site, "$M chat_send newbox lost >&-").returncode == 1
    assert shell(site, "$M chat_tail newbox --no-follow -n1").stdout == before


@pytest.mark.parametrize(
    "script",
    [
        "$M chat_send -q newbox x >&-",
        "$M chat_send -q newbox x >&- 2>&- <&-",
        "$M chat_send -q newbox x >/dev/full 2>&1",
    ],
)
def test_a_quiet_command_needs_no_streams(site: ChatSite, script: str) -> None:
    done = shell(site, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("line", [["chat_tail", "newbox", "--no-follow", "-n", "all"], ["chat_send", "--help"]])
def test_a_reader_that_has_gone_is_success_without_a_word(site: ChatSite, line: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(site, *line, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_goes_ends_a_command_that_waits(site: ChatSite) -> None:
    tail = site.popen("chat_tail", "newbox", "-n1")
    assert tail.stdout is not None
    assert tail.stderr is not None
    assert "newbox" in tail.stdout.readline()
    tail.stdout.close()
    assert tail.wait(DEADLINE_S) == 0  # no message comes
    assert tail.stderr.read() == ""


@pytest.mark.parametrize("line", [["create_room", "newbox", "--if-not-exists"], ["chat_send", "newbox", "x"]])
def test_quiet_and_success_mean_no_byte_on_either_stream(site: ChatSite, line: list[str]) -> None:
    done = run(site, *line, "-q", "-v3")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "redis://nowhere.invalid:6379"])
def test_a_broker_that_does_not_answer_is_one_warning_and_no_failure(site: ChatSite, url: str) -> None:
    done = run(site, "chat_send", "newbox", "x", "--json", env={"CHAT_REDIS_URL": url})
    assert done.returncode == 0
    assert json.loads(done.stdout)["live"] == "deferred"
    assert done.stderr.startswith(b"Warning: stored, but ")
    assert done.stderr.count(b"\n") == 1
    done = run(site, "chat_send", "newbox", "x", "-q", env={"CHAT_REDIS_URL": url})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_the_signal_would(site: ChatSite, number: signal.Signals) -> None:
    tail = site.popen("chat_tail", "newbox", "-n1")
    assert tail.stdout is not None
    assert tail.stderr is not None
    assert "newbox" in tail.stdout.readline()
    tail.send_signal(number)
    assert tail.wait(DEADLINE_S) == -number
    assert (tail.stdout.read(), tail.stderr.read()) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.sqlite("a writer that locks the whole database")
def test_a_signal_ends_it_at_once_while_the_database_is_locked(site: ChatSite, number: signal.Signals) -> None:
    with sqlite3.connect(site.var_dir / "chat.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = site.popen("chat_send", "newbox", "x", "--timeout", "600")
        wait_until(lambda: has_its_turn(site), "the command waiting for the database")
        waiting.send_signal(number)
        assert waiting.communicate(timeout=DEADLINE_S) == ("", "")
        assert waiting.returncode == -number
        other.rollback()


def has_its_turn(site: ChatSite) -> bool:
    """Whether a writer of ours holds its turn."""
    path = site.var_dir / "chat.sqlite3.turn-b"
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_timeout_is_exit_code_124_and_a_line(site: ChatSite) -> None:
    done = run(site, "chat_tail", "newbox", "-n0", "--timeout", "0.1")
    assert (done.returncode, done.stdout) == (124, b"")
    assert done.stderr.count(b"\n") == 1


# Encodings and time zones


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}])
def test_in_the_c_locale_text_goes_in_and_out_as_utf_8(site: ChatSite, env: dict[str, str]) -> None:
    assert run(site, "chat_send", "newbox", "Grüße, 世界".encode(), env=env).returncode == 0
    done = run(site, "chat_tail", "newbox", "--no-follow", "-n1", env=env)
    assert done.stdout.decode().endswith("system! Grüße, 世界\n")


def test_an_output_that_lacks_characters_shows_them_escaped(site: ChatSite) -> None:
    shell(site, "$M chat_send -q newbox 'Grüße, 世界'")
    env = {"PYTHONIOENCODING": "latin-1"}
    done = run(site, "chat_tail", "newbox", "--no-follow", "-n1", env=env)
    assert done.stdout.endswith("Grüße, \\u4e16\\u754c\n".encode("latin-1"))
    done = run(site, "chat_tail", "newbox", "--no-follow", "-n1", "--json", env=env)
    assert json.loads(done.stdout.decode("ascii"))["message"] == "Grüße, 世界"


@pytest.mark.parametrize(
    "line", [["chat_send", "newbox", b"caf\xe9"], ["create_room", b"caf\xe9"], ["chat_tail", b"\xff"]]
)
def test_arguments_that_are_not_utf_8_are_exit_2(site: ChatSite, line: list[str | bytes]) -> None:
    done = run(site, *line, env={"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"UTF-8" in done.stderr


def test_times_are_in_the_zone_of_who_calls(site: ChatSite) -> None:
    for zone, offset in (("Asia/Tokyo", b"+09:00"), ("Asia/Kolkata", b"+05:30")):
        assert offset in run(site, "chat_tail", "newbox", "--no-follow", "-n1", env={"TZ": zone}).stdout.split()[0]


# Errors


def test_a_word_that_looks_like_an_option_never_ends_as_help_with_success(site: ChatSite) -> None:
    for word in ("-rf", "--help", "-help me"):
        done = run(site, "chat_send", "newbox", word)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"usage: manage.py chat_send ")
        assert b'put -- before text that starts with "-"' in done.stderr


def test_an_error_is_one_line_and_a_traceback_comes_only_when_it_is_wanted(site: ChatSite) -> None:
    done = run(site, "chat_send", "newbx", "x")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"CommandError: no room newbx; did you mean newbox?")
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" in run(site, "chat_send", "newbx", "x", "--traceback").stderr


def test_an_error_about_hostile_input_is_safe(site: ChatSite) -> None:
    done = run(site, "chat_tail", "new\x1b]52;c;eA==\x07\u202ebox\nfake")
    assert done.returncode == 3
    assert not [character for character in FORBIDDEN if character in done.stderr.decode()]
    assert done.stderr.count(b"\n") == 1


def test_a_database_that_was_never_migrated_names_the_command() -> None:
    site = ChatSite(migrated=False)
    try:
        for line in (["create_room", "x"], ["chat_send", "x", "y"], ["chat_tail", "x"]):
            done = site.manage(*line)
            assert (done.returncode, done.stdout) == (1, "")
            assert "manage.py migrate" in done.stderr
            assert done.stderr.count("\n") == 1
    finally:
        site.close()


# Terminals


def test_a_terminal_gets_short_times_and_colours(site: ChatSite) -> None:
    code, output = on_terminal([*site.command(), "chat_tail", "newbox", "--no-follow", "-n1"], site.env)
    assert code == 0
    name = r"\x1b\[1;35msystem\x1b\[0m\x1b\[1;35m! \x1b\[0m"
    assert re.match(rf"\x1b\[2m\d\d:\d\d:\d\d newbox #\d+ \x1b\[0m{name}", output)


@pytest.mark.parametrize(
    ("env", "options"), [({"NO_COLOR": "1"}, []), ({"TERM": "dumb"}, []), ({"NO_COLOR": ""}, ["--no-color"])]
)
def test_a_terminal_that_wants_no_colours_gets_none(site: ChatSite, env: dict[str, str], options: list[str]) -> None:
    line = ["chat_tail", "newbox", "--no-follow", *options]
    code, output = on_terminal([*site.command(), *line], {**site.env, **env})
    assert code == 0
    assert "\x1b" not in output
    code, output = on_terminal([*site.command(), "chat_tail", "newbx", *options], {**site.env, **env})
    assert code == 3
    assert "\x1b" not in output


def test_colours_in_a_pipe_come_only_when_forced(site: ChatSite) -> None:
    line = ["chat_tail", "newbox", "--no-follow", "-n1"]
    assert b"\x1b[" not in run(site, *line).stdout
    assert b"\x1b[" in run(site, *line, "--force-color").stdout
    assert b"\x1b[" in run(site, *line, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert b"\x1b[" not in run(site, *line, "--no-color", env={"FORCE_COLOR": "1"}).stdout


def test_hostile_text_on_a_terminal_is_seen_and_not_obeyed(site: ChatSite) -> None:
    env = {**site.env, "NO_COLOR": "1"}  # so that every escape would be the text's own
    code, output = on_terminal([*site.command(), "chat_tail", "hostile", "--no-follow", "-n", "all"], env)
    assert code == 0
    assert not [character for character in FORBIDDEN if character in output]
    records = [line for line in output.split("\n")[:-1] if not line.startswith("    ")]
    assert len(records) == len(HOSTILE)
    assert [line.split()[1:3] for line in records] == [["hostile", f"#{n}"] for n in range(1, len(HOSTILE) + 1)]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_hostile_text_in_a_pipe_stays_in_its_record(site: ChatSite, options: list[str]) -> None:
    output = run(site, "chat_tail", "hostile", "--no-follow", "-n", "all", *options).stdout.decode()
    assert not [character for character in FORBIDDEN if character in output]
    records = [line for line in output.split("\n")[:-1] if not line.startswith("    ")]
    assert len(records) == len(HOSTILE)
    if options:
        assert [json.loads(line)["message"] for line in records] == list(HOSTILE.values())


def test_a_terminal_shows_help_that_begins_with_examples(site: ChatSite) -> None:
    code, output = on_terminal([*site.command(), "chat_tail", "--help"], site.env)
    assert code == 0
    assert output.index("./manage.py chat_tail newbox") < output.index("usage:")


def test_a_tail_whose_terminal_is_closed_ends(site: ChatSite) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [*site.command(), "chat_tail", "newbox", "-n1"]
    tail = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=site.env, start_new_session=True, cwd="/"
    )
    os.close(theirs)
    seen = b""
    while b"newbox" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    run(site, "chat_send", "-q", "newbox", "nobody looks")
    wait_until(lambda: tail.poll() is not None, "the end of the tail")
