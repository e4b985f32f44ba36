"""`chat_bench` against a real server: its figures, what it leaves behind however it ends, and what it notices."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.contents import answers
from tests.acceptance.lossy import LossyServer
from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.runchat("it finds the server by what runchat has written")

#: The keys of --json, and of what type they are.
KEYS = {
    "room": str, "clients": int, "messages": int, "rate": float | None, "sent": int, "stored": int, "deliveries": int,
    "seconds": float, "deliveries_per_second": float, "messages_per_second": float, "p50_ms": float, "p95_ms": float,
    "p99_ms": float, "max_ms": float, "lost": int, "repeated": int, "misplaced": int, "refused": int, "held_back": int,
    "closed": dict, "joining_seconds": float, "bench_cpu": float, "server_cpu": float | None,
}  # fmt: skip
LINES = [
    r"deliveries  [\d,]+ to \d+ clients in [\d.]+ s: [\d,]+/s",
    r"messages    [\d,]+ of [\d,]+ stored: [\d,]+/s",
    r"latency     p50 [\d,.]+, p95 [\d,.]+, p99 [\d,.]+, max [\d,.]+ ms from send to receipt",
    r"losses      0 lost, 0 repeated, 0 out of order",
    r"joining     [\d.]+ s until all were in",
    r"processor   (server \d+%, )?chat_bench \d+% of a core",
]


def room(site: ChatSite, name: str) -> str:
    """An empty room of the test's own."""
    done = site.manage("create_room", name, "--if-not-exists")
    assert done.returncode == 0, done.stderr
    return name


def rows(site: ChatSite, query: str) -> int:
    """What a SELECT count(*) says."""
    return int(answers(site, query)[0][0][0])


def left(site: ChatSite) -> int:
    """Temporary accounts and sessions that are there."""
    accounts = rows(site, "SELECT count(*) FROM auth_user WHERE username LIKE 'chat-bench-%'")
    return accounts + rows(site, "SELECT count(*) FROM django_session")


def begin(site: ChatSite, name: str, *options: str) -> "subprocess.Popen[str]":
    """A run that would take long, and has begun to send."""
    before = rows(site, "SELECT count(*) FROM chatcore_message")
    process = site.popen("chat_bench", name, "--clients", "3", "--messages", "100000", "--rate", "20", *options)
    wait_until(
        lambda: process.poll() is not None or rows(site, "SELECT count(*) FROM chatcore_message") > before + 5,
        "messages of chat_bench",
    )
    assert process.poll() is None, process.communicate()
    return process


def test_every_client_gets_every_message_and_nothing_but_the_messages_is_left(shared_site: ChatSite) -> None:
    name = room(shared_site, "bench")
    done = shared_site.manage("chat_bench", name, "--clients", "5", "--messages", "40", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == list(KEYS)
    assert [key for key, kind in KEYS.items() if not isinstance(found[key], kind)] == []
    assert (found["sent"], found["stored"], found["deliveries"]) == (40, 40, 200)
    assert [found[key] for key in ("lost", "repeated", "misplaced", "refused", "held_back", "closed")] == [0] * 5 + [{}]
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"] <= 1000 * found["seconds"]
    assert found["deliveries_per_second"] == pytest.approx(200 / found["seconds"], rel=0.02)
    texts = {message["message"].rstrip(".") for message in in_the_log(shared_site, name)}
    assert texts == {f"chat_bench: message {number} of 40 " for number in range(1, 41)}
    assert left(shared_site) == 0


@pytest.mark.slow
def test_the_lines_for_people_go_to_stdout_and_talk_to_stderr(shared_site: ChatSite) -> None:
    name = room(shared_site, "lines")
    done = shared_site.manage("chat_bench", name, "--clients", "4", "--messages", "20")
    assert done.returncode == 0
    for pattern, line in zip(LINES, done.stdout.splitlines(), strict=True):
        assert re.fullmatch(pattern, line), line
        assert len(line) <= 80
    assert done.stderr.splitlines()[0] == "20 messages go into lines and stay (a room for it: create_room bench)"


@pytest.mark.slow
def test_in_cron_success_is_silent(shared_site: ChatSite) -> None:
    name = room(shared_site, "quiet")
    for words in (["-q"], ["-q", "--json"]):
        done = shared_site.manage("chat_bench", name, "--clients", "2", "--messages", "4", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(in_the_log(shared_site, name)) == 8


@pytest.mark.slow
def test_on_a_terminal_a_bar_goes_along_and_is_gone_at_the_end(shared_site: ChatSite) -> None:
    name = room(shared_site, "terminal")
    command = shared_site.command("chat_bench", name, "--clients", "4", "--messages", "40", "--rate", "40")
    code, seen = on_terminal(command, {**shared_site.env, "TERM": "xterm-256color"})
    assert code == 0
    assert "messages" in seen
    assert re.search(r"━.*\d+/40", seen)
    *_, last = seen.rpartition("\x1b[?25h")  # the cursor is there again
    assert [line for line in last.splitlines() if line.startswith(("deliveries", "latency"))] != []
    assert "\x1b" not in last.partition("deliveries")[2]
    code, seen = on_terminal(command, {**shared_site.env, "TERM": "dumb"})
    assert (code, "\x1b" in seen, "━" in seen) == (0, False, False)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order_with_what_was_measured(shared_site: ChatSite, number: signal.Signals) -> None:
    process = begin(shared_site, room(shared_site, "signals"), "--json")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == -number
    found = json.loads(stdout)
    assert 5 <= found["stored"] <= found["sent"] < found["messages"] == 100_000
    assert re.search(r"^interrupted after \d+ of 100,000 messages$", stderr, re.M), stderr
    assert left(shared_site) == 0


@pytest.mark.slow
def test_what_a_killed_run_leaves_the_next_one_removes(shared_site: ChatSite) -> None:
    name = room(shared_site, "killed")
    process = begin(shared_site, name)
    process.kill()
    process.communicate(timeout=DEADLINE_S)
    assert left(shared_site) == 6
    done = shared_site.manage("chat_bench", name, "--clients", "2", "--messages", "2")
    assert done.returncode == 0, done.stderr
    assert "removed 3 temporary accounts that an earlier run had left\n" in done.stderr
    assert left(shared_site) == 0


@pytest.mark.slow
def test_two_do_not_run_at_once(shared_site: ChatSite) -> None:
    name = room(shared_site, "twice")
    process = begin(shared_site, name)
    done = shared_site.manage("chat_bench", name, "--clients", "1", "--messages", "1")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "CommandError: another chat_bench runs here: wait for its end\n"
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=DEADLINE_S)


@pytest.mark.slow
def test_a_rate_is_kept_and_latency_counts_from_when_each_message_is_due(shared_site: ChatSite) -> None:
    name = room(shared_site, "rate")
    done = shared_site.manage("chat_bench", name, "--clients", "3", "--messages", "30", "--rate", "25", "--json")
    found = json.loads(done.stdout)
    assert (found["rate"], found["deliveries"], found["lost"]) == (25.0, 90, 0)
    assert found["seconds"] >= 29 / 25


@pytest.mark.slow
def test_people_who_are_there_keep_their_accounts_and_sessions(chat_site: ChatSite) -> None:
    chat_site.sign_in("alice", "bob")
    done = chat_site.manage("create_room", "club", "--private", "--member", "alice", "--member", "bob")
    assert done.returncode == 0
    before = rows(chat_site, "SELECT count(*) FROM django_session")
    line = "chat_bench club --clients 4 --messages 6 --as alice --as bob"
    done = chat_site.manage(*line.split())
    assert done.returncode == 0, done.stderr
    assert {message["author"]["name"] for message in in_the_log(chat_site, "club")} == {"alice", "bob"}
    assert rows(chat_site, "SELECT count(*) FROM django_session") == before == 2
    assert rows(chat_site, "SELECT count(*) FROM auth_user") == 2


@pytest.mark.slow
def test_more_clients_than_it_may_open_files_are_refused(shared_site: ChatSite) -> None:
    name = room(shared_site, "files")
    script = 'ulimit -n 200; exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *shared_site.command("chat_bench", name, "--clients", "151")],
        env=shared_site.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "may open 200 files only: raise `ulimit -n`, or take fewer --clients" in done.stderr


@pytest.mark.slow
def test_losses_repeats_and_a_wrong_order_are_noticed(shared_site: ChatSite) -> None:
    name = room(shared_site, "lossy")
    with LossyServer(shared_site) as server:  # to which every second client goes
        done = shared_site.manage("chat_bench", name, "--clients", "4", "--messages", "30", "--json")
    assert server.clients == 2
    found = json.loads(done.stdout)
    assert (found["lost"], found["repeated"], found["misplaced"]) == (2, 2, 2)
    assert found["deliveries"] == 4 * 30 - 2
    assert done.returncode == 1
    assert done.stderr.endswith("CommandError: deliveries were 2 lost, 2 repeated, 2 out of order\n")


@pytest.fixture
def slow_persons() -> Iterator[ChatSite]:
    """A site where a person may send little."""
    with ChatSite(env={"CHAT_RATE": "5/s burst 5"}) as site:
        yield site


@pytest.mark.slow
def test_what_chat_rate_holds_back_is_sent_later_and_told(slow_persons: ChatSite) -> None:
    name = room(slow_persons, "bench")
    done = slow_persons.manage("chat_bench", name, "--clients", "1", "--messages", "9", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["stored"], found["lost"]) == (9, 0)
    assert found["held_back"] >= 1
    told = f"{found['held_back']} sends were held back by CHAT_RATE (5/s burst 5): for a run without limits"
    assert f"Warning: {told} start the server with CHAT_RATE=off\n" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, "1012: server stopped"), (signal.SIGKILL, "1006: connection lost")]
)
def test_a_server_that_ends_is_told(chat_site: ChatSite, number: signal.Signals, code: str) -> None:
    process = begin(chat_site, room(chat_site, "bench"))
    if number == signal.SIGTERM:
        chat_site.stop()
    else:
        chat_site.kill()
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert f"3 clients were closed by the server ({code})" in stderr
    assert re.search(r"nobody was left to send after \d+ of 100,000 messages", stderr)
    assert left(chat_site) == 0


@pytest.mark.slow
def test_clients_go_to_all_servers_of_the_data_and_through_a_unix_socket(chat_site: ChatSite) -> None:
    name = room(chat_site, "bench")
    with ChatSite(beside=chat_site):
        done = chat_site.manage("chat_bench", name, "--clients", "4", "--messages", "20", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["deliveries"] == 80
    chat_site.stop()
    path = chat_site.var_dir / "web"
    command = chat_site.command("runchat", "--unix", str(path))
    with subprocess.Popen(command, env=chat_site.env, stdout=subprocess.PIPE, text=True, cwd="/") as server:
        assert server.stdout is not None
        assert any(line == f"Ready: unix:{path}\n" for line in server.stdout)
        done = chat_site.manage("chat_bench", name, "--clients", "4", "--messages", "20", "--json")
        server.terminate()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["deliveries"] == 80


PERSON = """
from django.contrib.auth.models import AbstractUser
from django.db import models

class Person(AbstractUser):
    {field}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "code", "error"),
    [
        ("born = models.DateField()", 1, r"temporary accounts cannot be made here \(born: .*\): .* by --as USER\n"),
        (
            "username = None; email = models.EmailField(unique=True); USERNAME_FIELD = 'email'; REQUIRED_FIELDS = []",
            0,
            "",
        ),
    ],
    ids=["that need a date", "whose names are addresses"],
)
def test_accounts_of_a_site_of_its_own(field: str, code: int, error: str) -> None:
    site = ChatSite(migrated=False)
    (site.var_dir / "persons").mkdir()
    (site.var_dir / "persons" / "__init__.py").touch()
    (site.var_dir / "persons" / "models.py").write_text(PERSON.format(field=field))
    (site.var_dir / "persons" / "site.py").write_text(
        "from chatproject.settings import *\nINSTALLED_APPS += ['persons']\nAUTH_USER_MODEL = 'persons.Person'\n"
        "LANGUAGE_CODE = 'en'\n"
    )
    site.env |= {"DJANGO_SETTINGS_MODULE": "persons.site", "PYTHONPATH": str(site.var_dir)}
    try:
        for line in (["makemigrations", "persons", "-v0"], ["migrate", "-v0"], ["create_room", "bench"]):
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        with site:
            done = site.manage("chat_bench", "bench", "--clients", "3", "--messages", "5")
            assert done.returncode == code, done.stderr
            assert re.search(error, done.stderr), done.stderr
            assert rows(site, "SELECT count(*) FROM persons_person") == 0
    finally:
        site.close()


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_failure(shared_site: ChatSite) -> None:
    name = room(shared_site, "head")
    process = shared_site.popen("chat_bench", name, "--clients", "2", "--messages", "4")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(DEADLINE_S) == 0
    assert left(shared_site) == 0
