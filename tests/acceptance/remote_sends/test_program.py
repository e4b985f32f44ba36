"""The program `roomline` itself. No server is needed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.site import PROJECT
from tests.waiting import DEADLINE_S

#: Without anything that says where a chat is.
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "HOME": "/nonexistent"}


def roomline(*arguments: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chatcli.remote", *arguments], env=ENV, cwd="/", stdin=subprocess.DEVNULL,
        stdout=stdout, stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["send", "-h"], ["--version"]])
def test_help_and_version_are_data(arguments: list[str]) -> None:
    done = roomline(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "oomline" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "roomline: error: say what to do: send or tail\n"),
        (["sned"], "roomline: error: there is no command 'sned': send or tail\n"),
        (["--server", "x", "send"], "roomline: error: options come after the command, as in roomline send ROOM TEXT"),
        (["send"], "roomline send: no room: name one"),
        (["send", "newbox", "-rf"], 'roomline send: error: no option -rf; put -- before text that starts with "-"'),
        (["send", "newbox", "--timeout", "nan", "x"], "'nan' is no time to wait"),
        (
            ["send", "--server", "http://localhost:9", "--token-file", "rl_abc_secret", "newbox", "hello"],
            "roomline send: --token-file is a file's name: write the token into a file, and name that\n",
        ),
        (["send", "--server", "ftp://x", "newbox", "hello"], "roomline send: 'ftp://x' is no server's address"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_to_do(arguments: list[str], reason: str) -> None:
    done = roomline(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert "rl_abc_secret" not in done.stderr


def test_tail_says_which_package_it_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "chatcli.remote", "tail", "newbox"], env=ENV, cwd="/", stdin=subprocess.DEVNULL,
        capture_output=True, timeout=DEADLINE_S, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "roomline tail: the package msgspec is not here: pip install msgspec websockets\n"


def test_the_schema_needs_no_server() -> None:
    done = roomline("send", "--schema", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"$schema"' in done.stdout


def test_a_closed_output_is_told_unless_nothing_is_to_be_said() -> None:
    command = f"exec {sys.executable} -m chatcli.remote send --socket /nowhere newbox hello >&-"
    done = subprocess.run(
        ["sh", "-c", command], env=ENV, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=DEADLINE_S,
        check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "roomline send: the standard output is closed: open it, or ask for no output by -q\n"


def test_help_into_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = roomline("--help", stdout=full.fileno())
    assert done.returncode == 1
    assert done.stderr == "roomline: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_dies_of_the_signal_that_ends_it(number: signal.Signals) -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-m", "chatcli.remote", "send", "--socket", "/nowhere", "newbox", "-"],
        env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert waiting.stdin is not None
    waiting.stdin.write(b"x" * 100_000)  # more than a pipe holds: it is reading
    waiting.stdin.flush()
    waiting.send_signal(number)
    assert waiting.wait(DEADLINE_S) == -number
    assert waiting.stderr is not None
    assert waiting.stderr.read() == b""
