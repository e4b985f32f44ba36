"""`chat_send --run` as cron and systemd call it: the job runs whatever becomes of the chat, its code is ours."""

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcli.locks import try_lock
from tests.acceptance.site import ChatSite, is_alive
from tests.conftest import PROJECT
from tests.durations import timeless
from tests.waiting import DEADLINE_S, wait_until


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server, with the room ops."""
    site = ChatSite()
    try:
        for line in (["migrate", "-v0"], ["create_room", "-q", "ops"]):
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


def shell(site: ChatSite, script: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """A line of sh in which `$S` is `manage.py chat_send`."""
    env = {**site.env, "S": " ".join(site.command("chat_send")), **env}
    return subprocess.run(
        ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=DEADLINE_S, text=True
    )


def last(site: ChatSite) -> tuple[str, int]:
    """The newest message of the room, and its priority."""
    message = json.loads(site.manage("chat_tail", "ops", "--no-follow", "-n1", "--json").stdout)
    return timeless(message["message"]), message["priority"]


@pytest.mark.parametrize(
    ("job", "code", "text", "priority"),
    [
        ("echo fine", 0, "Job: ok after a while\nfine", 3),
        ("echo sorry >&2; exit 3", 3, "Job: failed with exit code 3 after a while\nsorry", 4),
        ("kill -KILL $$", 137, "Job: was killed by SIGKILL after a while", 4),
    ],
)
def test_a_job_is_reported_and_its_code_is_ours(site: ChatSite, job: str, code: int, text: str, priority: int) -> None:
    done = site.manage("chat_send", "-q", "ops", "Job", "--run", "--", "/bin/sh", "-c", job)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    assert last(site) == (text, priority)


def test_a_job_that_cannot_start_has_the_codes_of_a_shell(site: ChatSite, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for job, code, reason in (
        ("no-such-job", 127, "No such file or directory"),
        (str(plain), 126, "Permission denied"),
    ):
        done = site.manage("chat_send", "-q", "ops", "Job", "--run", "--", job)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
        assert last(site)[0] == f"Job: could not start: {job}: {reason}"


def test_of_a_megabyte_the_end_is_sent(site: ChatSite) -> None:
    job = "yes abcdefg | head -c 1000000; head -c 1000000 /dev/zero; echo; echo the end; exit 5"
    done = site.manage("chat_send", "ops", "--json", "Job", "--run", "--", "/bin/sh", "-c", job)
    assert (done.returncode, done.stderr) == (5, "")
    text = json.loads(done.stdout)["message"]["message"]
    assert len(text) == 4000
    assert text.startswith("Job: failed with exit code 5 after ")
    assert text.endswith("\ufffd\nthe end")


@pytest.mark.sqlite("a writer that locks the whole database")
def test_while_the_database_is_locked_the_job_runs_and_stderr_has_the_report(site: ChatSite) -> None:
    with sqlite3.connect(site.var_dir / "chat.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        job = ["--timeout", "0.3", "--retry", "0", "--run", "--", "/bin/sh", "-c", "echo ran; exit 6"]
        done = site.manage("chat_send", "-q", "ops", "Job", *job)
        other.rollback()
    assert (done.returncode, done.stdout) == (6, "")
    error, *report = timeless(done.stderr).splitlines()
    assert "while sending the report: the database is locked" in error
    assert report == ["Job: failed with exit code 6 after a while", "    ran"]


@pytest.mark.sqlite("a writer that locks the whole database")
def test_a_signal_that_comes_after_the_job_loses_neither_its_code_nor_its_report(site: ChatSite) -> None:
    def posting() -> bool:
        with (site.var_dir / "chat.sqlite3.turn-b").open("ab") as turn:
            return not try_lock(turn.fileno(), fcntl.LOCK_EX)

    with sqlite3.connect(site.var_dir / "chat.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        process = site.popen("chat_send", "-q", "ops", "Job", "--run", "--", "/bin/sh", "-c", "echo ran; exit 6")
        wait_until(posting, "the report, which waits for the database")
        process.send_signal(signal.SIGTERM)
        other.rollback()
    assert process.communicate(timeout=DEADLINE_S) == ("", "")
    assert process.returncode == 6
    assert last(site)[0] == "Job: failed with exit code 6 after a while\nran"


def test_in_an_unknown_room_the_job_runs_and_its_success_stays_one(site: ChatSite) -> None:
    done = site.manage("chat_send", "-q", "opz", "Job", "--run", "--", "echo", "\x1b[2J ran")
    assert (done.returncode, done.stdout) == (0, "")
    assert timeless(done.stderr) == (
        "CommandError: while sending the report: no room opz; did you mean ops?\n"
        "Job: ok after a while\n    \\x1b[2J ran\n"
    )


def test_wrong_usage_is_found_before_the_job(site: ChatSite, tmp_path: Path) -> None:
    for line in (["ops", "Job", "--run"], ["ops", "--run", "--", "touch", f"{tmp_path}/trace"]):
        done = site.manage("chat_send", *line)
        assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_jobs_and_is_reported(site: ChatSite, tmp_path: Path, number: signal.Signals) -> None:
    job = f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 600"
    process = site.popen("chat_send", "-q", "ops", "Job", "--run", "--", "/bin/sh", "-c", job)
    wait_until((tmp_path / "pid").exists, "the job")
    process.send_signal(number)
    assert process.communicate(timeout=DEADLINE_S) == ("", "")
    assert process.returncode == 128 + number
    assert not is_alive(int((tmp_path / "pid").read_text()))
    assert last(site)[0].startswith(f"Job: was killed by {number.name} after ")


def test_what_the_job_leaves_running_does_not_hold_it_up(site: ChatSite, tmp_path: Path) -> None:
    job = f"sleep 600 & echo $! > {tmp_path}/pid; echo started"
    done = site.manage("chat_send", "-q", "ops", "Job", "--run", "--", "/bin/sh", "-c", job)
    left = int((tmp_path / "pid").read_text())
    assert is_alive(left)
    os.kill(left, signal.SIGKILL)
    assert (done.returncode, done.stderr) == (0, "")
    assert last(site)[0] == "Job: ok after a while\nstarted"


@pytest.mark.parametrize(
    ("streams", "told"), [(">&-", "closed"), (">/dev/full", "No space left"), (">&- 2>&- <&-", ""), ("2>/dev/full", "")]
)
def test_streams_that_cannot_be_used_change_nothing_for_the_job(
    site: ChatSite, tmp_path: Path, streams: str, told: str
) -> None:
    done = shell(site, f"$S ops Job --run -- /bin/sh -c 'echo ran; touch {tmp_path}/trace; exit 7' {streams}")
    assert done.returncode == 7
    assert told in done.stderr
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", None])
def test_the_job_has_the_arguments_and_the_environment_of_who_called(site: ChatSite, zone: str | None) -> None:
    check = 'echo "$*"; printf %s "$4" | od -An -tx1; echo "${TZ-unset}"; env | grep -i -e roomline_ -e chatproject'
    job: list[str | bytes] = ["--run", "--", "/bin/sh", "-c", check, "sh", "--settings=x", "--", "", b"\xe9"]
    ours = ("DJANGO_SETTINGS_MODULE", "TZ", "ROOMLINE_")
    env = {name: value for name, value in site.env.items() if not name.startswith(ours)}
    done = subprocess.run(
        [*site.command("chat_send", "-q", "ops", "Job"), *job],
        env={**env, "LC_ALL": "C.UTF-8", **({} if zone is None else {"TZ": zone})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")  # grep has found nothing
    assert last(site)[0].split("\n")[1:] == ["--settings=x --  \ufffd", " e9", zone or "unset"]


# Where the chat cannot even be loaded


def test_with_settings_that_cannot_be_used_the_job_runs_and_its_output_goes_to_stderr(site: ChatSite) -> None:
    job = "echo ran; cat; kill -TERM $$"
    done = shell(site, f"$S -q ops Job --run -- /bin/sh -c '{job}'; echo $?", CHAT_MAX_LENGTH="4k")
    assert done.stdout == "143\n"
    line, ran, *_ = done.stderr.splitlines()
    assert line.startswith("Roomline's settings: CHAT_MAX_LENGTH=")
    assert ran == "ran"
    done = shell(site, "$S -q ops Job --run -- no-such-job", CHAT_MAX_LENGTH="4k")
    assert (done.returncode, done.stderr.count("\n")) == (127, 2)


def test_without_a_venv_the_job_runs_and_its_output_goes_to_stderr(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "manage.py", tmp_path)
    line = [os.path.realpath(sys.executable), str(tmp_path / "manage.py"), "chat_send", "ops", "Job"]
    env = {"PATH": "/usr/bin:/bin"}
    job = ["--run", "--", "/bin/sh", "-c", "echo ran; exit 8"]
    done = subprocess.run([*line, *job], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr == f"Roomline is not set up yet: run `make run` in {tmp_path}\nran\n"
    done = subprocess.run(
        [*line, "--", "--run", "x"], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stdout) == (1, "")
