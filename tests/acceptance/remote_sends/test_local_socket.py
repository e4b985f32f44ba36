"""`roomline send` on the server's own machine: what `chat_send` does, in a fraction of its time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.remote_sends.program import environment, roomline, socket_of
from tests.acceptance.site import ChatSite
from tests.waiting import DEADLINE_S

pytestmark = [pytest.mark.runchat("it has a socket of its own"), pytest.mark.slow]
#: Runs the program, and keeps the names of the modules that it has loaded.
SCRIPT = """
import atexit, sys
path, *sys.argv[1:] = sys.argv[1:]
atexit.register(lambda: print("\\n".join(sys.modules), file=open(path, "w")))
from chatcli.remote.main import main
main()
"""
NOT_NEEDED = {
    "django", "channels", "msgspec", "rich", "websockets", "asyncio", "ssl", "http", "email", "urllib", "hashlib",
    "pathlib", "subprocess", "inspect", "dataclasses", "zoneinfo", "tempfile", "chatcli.base", "chatcli.tail",
    "chatcli.job", "chatcli.sending.run", "chatcore.events",
}  # fmt: skip
#: Command lines that do the same by both commands, whatever was sent before.
LINES = [
    ["newbox", "hello"],
    ["newbox", "two", "words", "--title", "T", "-p", "high", "--tag", "a", "--tag", "b", "--json"],
    ["newbox,ops", "both"],
    ["--all", "all"],
    ["newbox,nowhere", "none of them"],
    ["newbox", "--reply-to", "1", "an answer"],
    ["newbox", "--reply-to", "999", "to nothing"],
    ["newbox", "--edit", "1", "edited", "--link", "https://example.org/"],
    ["newbox", "--edit", "999", "nothing"],
    ["newbox", "--delete", "999"],
    ["newbox", "-n", "nothing happens"],
    ["newbox", "--edit", "1", "-n", "nothing happens"],
    ["newbox", "--banner", "--expire", "2h", "a strip"],
    ["newbox", "--as", "nobody", "hello"],
    ["newbox", "--name", "build", "--slot", "disk", "90 %"],
    ["newbox", "x" * 4001],
    ["newbox", "--truncate", "x" * 4001],
    ["newbox", ""],
    ["newbox", "--wait", "seen:2", "--timeout", "0.2", "nobody reads"],
    ["--cancel", "no-such-id"],
    ["newbox", "hello", "--file", "/nowhere"],
    ["newbox", "--file", "/nowhere"],
    ["newbox", "--nonsense"],
    ["newbox", "-", "--all"],
]


def shape(text: str) -> str:
    """What is left without numbers, ids, times and the name of the command."""
    text = re.sub(r"(?m)^usage: .*\n( .*\n)*", "", text)
    text = re.sub(r"(?m)^(CommandError|(manage.py chat_send|roomline send)(: error)?): ", "", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "N", text)


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line)[:40])
def test_it_says_and_does_what_chat_send_does(site: ChatSite, line: list[str]) -> None:
    here = site.manage("chat_send", *line)
    there = roomline(site, "send", "--socket", socket_of(site), *line)
    assert (there.returncode, shape(there.stdout)) == (here.returncode, shape(here.stdout))
    assert shape(there.stderr).partition("; create it")[0] == shape(here.stderr).partition("; create it")[0]


def test_the_socket_is_found_by_the_servers_folder(site: ChatSite) -> None:
    done = roomline(site, "send", "newbox", "--json", "hello", env={"CHAT_VAR_DIR": str(site.var_dir)})
    message = json.loads(done.stdout)["message"]
    assert (message["message"], message["source"], message["author"]["type"]) == ("hello", "cli", "system")
    assert done.stderr == ""


def test_quiet_success_is_silent(site: ChatSite) -> None:
    done = roomline(site, "send", "-q", "--socket", socket_of(site), "newbox", "--", "-rf --help")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_lines_are_sent_in_order_and_counted(site: ChatSite) -> None:
    assert site.manage("create_room", "lines").returncode == 0
    text = "".join(f"line {number}\n\n" for number in range(1, 1001)).encode()
    done = roomline(site, "send", "--socket", socket_of(site), "lines", "--lines", "--key", "k", input=text)
    assert (done.stdout, done.stderr) == ("lines #1..#1000 (1000 sent)\n", "")
    again = roomline(site, "send", "--socket", socket_of(site), "lines", "--lines", "--key", "k", input=text)
    assert again.stdout == "lines #1..#1000 (0 sent, 1000 already sent)\n".replace("0 sent, ", "")


def test_a_refused_line_is_named_and_the_others_are_sent_if_wished(site: ChatSite) -> None:
    lines = b"one\n" + b"x" * 5000 + b"\nthree\n"
    stopped = roomline(site, "send", "--socket", socket_of(site), "newbox", "--lines", input=lines)
    assert (stopped.returncode, stopped.stdout) == (4, "")
    assert stopped.stderr.startswith("roomline send: line 2: the message has 5000 characters, the limit is 4000")
    assert stopped.stderr.endswith("(1 sent before it)\n")
    on = roomline(site, "send", "--socket", socket_of(site), "newbox", "--lines", "--keep-going", input=lines)
    assert on.returncode == 4
    assert "(2 sent)" in on.stdout
    cut = roomline(site, "send", "--socket", socket_of(site), "newbox", "--lines", "--truncate", input=lines)
    assert (cut.returncode, cut.stderr) == (0, "")
    assert "(3 sent)" in cut.stdout


def test_what_a_tail_prints_as_json_can_be_sent(site: ChatSite) -> None:
    given = b'{"message": "x", "tags": ["t"], "priority": 5, "expires_at": "2099-01-01T00:00:00Z", "seq": 7}\n'
    done = roomline(site, "send", "--socket", socket_of(site), "newbox", "--jsonl", "--json", input=given)
    message = json.loads(done.stdout)["message"]
    assert (message["message"], message["tags"], message["priority"]) == ("x", ["t"], 5)
    assert message["expires_at"] == "2099-01-01T00:00:00Z"


def test_what_is_scheduled_can_be_cancelled(site: ChatSite) -> None:
    place = ["send", "--socket", socket_of(site)]
    done = roomline(site, *place, "newbox", "--in", "3h", "--json", "later")
    answer = json.loads(done.stdout)
    assert answer["status"] == "scheduled"
    assert answer["message"]["message"] == "later"
    cancelled = roomline(site, *place, "--cancel", answer["id"])
    assert cancelled.stdout.startswith(f"cancelled newbox {answer['id']}, which was for ")


def test_a_banner_is_taken_away_and_that_there_is_none_is_no_failure(site: ChatSite) -> None:
    place = ["send", "--socket", socket_of(site), "newbox", "--banner"]
    assert roomline(site, *place, "a strip").returncode == 0
    assert re.fullmatch(r"newbox #\d+ \(deleted\)\n", roomline(site, *place, "--clear").stdout)
    assert roomline(site, *place, "--clear").stdout == "there is no banner to clear\n"


def test_what_may_happen_again_is_sent_as_often_as_it_should(site: ChatSite) -> None:
    place = ["send", "--socket", socket_of(site), "newbox"]
    for options, remark in ((["--key", "k-1"], "already sent"), (["--once", "1h"], "not sent again")):
        first = roomline(site, *place, *options, f"again {remark}").stdout
        assert re.fullmatch(r"newbox #\d+\n", first)
        assert roomline(site, *place, *options, f"again {remark}").stdout == f"{first.rstrip()} ({remark})\n"
    assert roomline(site, *place, "--key", "k-1", "something else").returncode == 4


@pytest.mark.parametrize("name", ["a/b", "..", "newbox/banner", "x?y", "a\nb", "%2e"])
def test_a_name_that_no_room_can_have_is_no_part_of_an_address(site: ChatSite, name: str) -> None:
    done = roomline(site, "send", "--socket", socket_of(site), name, "--delete", "1")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("roomline send: no room ")
    assert done.stderr.count("\n") == 1


def test_a_room_is_made_on_the_way(site: ChatSite) -> None:
    done = roomline(site, "send", "--socket", socket_of(site), "--create", "made", "hello")
    assert done.stdout == "made #1\n"


def test_a_jobs_report_is_sent_and_its_code_is_ours(site: ChatSite) -> None:
    job = ["--run", "--", "sh", "-c", "printf 'out %s\\n' 1 2 3; exit 7"]
    done = roomline(site, "send", "--socket", socket_of(site), "ops", "Backup", "--tail-lines", "2", "--json", *job)
    message = json.loads(done.stdout)["message"]
    assert done.returncode == 7
    assert message["message"].startswith("Backup: failed with exit code 7 after ")
    assert message["message"].endswith("\nout 2\nout 3")
    assert message["priority"] == 4


def test_a_report_that_is_too_long_is_cut_at_its_beginning(site: ChatSite) -> None:
    job = ["--run", "--", "sh", "-c", "seq 5000"]
    done = roomline(site, "send", "--socket", socket_of(site), "ops", "Many", "--tail-lines", "5000", "--json", *job)
    text = json.loads(done.stdout)["message"]["message"]
    assert len(text) == 4000
    assert text.endswith("\n5000")


def test_a_job_runs_without_a_server_and_its_report_is_on_stderr(site: ChatSite) -> None:
    done = roomline(site, "send", "--socket", "/nowhere/api.sock", "ops", "Job", "--run", "--", "sh", "-c", "exit 3")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no server listens at /nowhere/api.sock" in done.stderr
    assert "Job: failed with exit code 3" in done.stderr


def test_a_server_that_is_not_there_is_exit_code_5(site: ChatSite) -> None:
    done = roomline(site, "send", "--retry", "0", "newbox", "hello", env={"CHAT_RUN_DIR": "/nowhere"})
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == (
        "roomline send: no server listens at /nowhere/api.sock: start it by ./manage.py runchat, "
        "or name one by --server\n"
    )


def test_it_loads_nothing_that_it_does_not_need(site: ChatSite, tmp_path: Path) -> None:
    path = tmp_path / "modules"
    command = [sys.executable, "-c", SCRIPT, str(path), "send", "--socket", socket_of(site), "newbox", "hello"]
    done = subprocess.run(
        command, env=environment(site), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    loaded = set(path.read_text().split())
    packages = {".".join(parts[:end]) for parts in (name.split(".") for name in loaded) for end in range(1, 5)}
    assert packages & NOT_NEEDED == set()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_is_one_line_or_none(site: ChatSite, stream: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chatcli.remote", "send", "--socket", socket_of(site), "newbox", "hello"],
            env=environment(site), cwd="/", stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False,
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
        )  # fmt: skip
    if stream == "stdout":
        expected = b"roomline send: done, but the output cannot be written: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, expected)
    else:
        assert done.returncode == 0
        assert done.stdout.startswith(b"newbox #")


def test_a_reader_that_has_gone_is_success(site: ChatSite) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "chatcli.remote", "send", "--socket", socket_of(site), "newbox", "hello"],
        env=environment(site), cwd="/", stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE,
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
