"""`runchat` as a user meets it: what it prints, what it refuses, and what is left when it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from chatcli.locks import file_lock
from tests.acceptance.site import ECHO, ChatSite, is_alive
from tests.acceptance.wire import Wire
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.runchat("the server of runchat itself")


@pytest.fixture
def site() -> Iterator[ChatSite]:
    """One that is not running yet."""
    site = ChatSite(env=ECHO, arguments=["--drain", "1"])
    yield site
    site.close()


@pytest.fixture(scope="module")
def running() -> Iterator[ChatSite]:
    """One that runs and that tests leave running."""
    with ChatSite(env=ECHO) as site:
        yield site


def refusal(site: ChatSite, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """How a `runchat` that does not get ready ends: its exit code and its one line."""
    done = site.manage("runchat", *arguments, env=env)
    assert "Traceback" not in done.stderr
    assert "Ready" not in done.stdout
    return done.returncode, done.stderr.strip()


@pytest.mark.embedded("runchat's own broker")
@pytest.mark.sqlite("it names the file")
def test_it_says_where_what_is_and_then_that_it_is_ready(running: ChatSite) -> None:
    *_, page, send, follow, stop, data, live, admin, ready = running.stdout.splitlines()
    assert page == f"Roomline: {running.url}"
    assert send.endswith('./manage.py chat_send newbox "hello"')
    assert follow.endswith("./manage.py chat_tail newbox")
    assert stop.endswith("Ctrl-C")
    assert data.endswith(f"SQLite {running.var_dir}/chat.sqlite3")
    assert live.endswith(f"Valkey at {running.broker_socket}")
    assert "./manage.py createsuperuser" in admin
    assert ready == f"Ready: {running.url}"
    assert running.stderr == ""
    with urlopen(running.url + "page") as answer:
        assert answer.read() == b"/page"
        assert "Server" not in answer.headers


def test_ctrl_c_is_one_calm_line(site: ChatSite) -> None:
    site.start()
    assert site.stop(signal.SIGINT) == 0
    assert site.stdout.splitlines()[-2:] == ["Stopping.", "application closed"]
    assert site.stderr == ""


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "Stopped.\n"), (signal.SIGTERM, "")])
@pytest.mark.embedded("runchat's own broker")
def test_it_can_be_stopped_before_it_is_ready(site: ChatSite, number: signal.Signals, said: str) -> None:
    site.broker_socket.parent.mkdir(0o700)
    site.port = free_port()
    site.arguments.append("-v0")
    with file_lock(site.broker_socket.with_suffix(".lock"), 0):  # so that it waits for the broker, and already listens
        site.launch()
        wait_until(lambda: can_connect(site), "it listens")
        assert site.stop(number) == 0
    assert (site.stdout, site.stderr) == (said, "")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def can_connect(site: ChatSite) -> bool:
    with socket.socket() as client:
        return client.connect_ex((site.host, site.port)) == 0


@pytest.mark.slow
def test_an_admin_is_not_asked_for_twice(site: ChatSite) -> None:
    assert site.manage("migrate", "-v0").returncode == 0
    made = site.manage(
        "createsuperuser", "--noinput", "--username=ada", "--email=", env={"DJANGO_SUPERUSER_PASSWORD": site.password}
    )
    assert made.returncode == 0, made.stderr
    site.start()
    assert "createsuperuser" not in site.stdout


def test_its_record_names_it(running: ChatSite) -> None:
    assert running.process is not None
    record = json.loads((running.var_dir / "server.json").read_text())
    assert (record["pid"], record["address"]) == (running.process.pid, running.url)


@pytest.mark.fault("F18")
def test_a_busy_port_is_exit_1_with_another_port_and_the_pid_of_the_server_that_has_it(running: ChatSite) -> None:
    assert running.process is not None
    code, line = refusal(running, str(running.port))
    assert code == 1
    holder, free = running.process.pid, running.port + 1
    assert line.endswith(f"port {running.port} is in use by the chat server with pid {holder}; try: runchat {free}")
    with Wire(running.host, running.port) as wire:
        wire.open("/still/there")


def test_a_port_of_another_program_is_exit_1_with_another_port(site: ChatSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, line = refusal(site, str(port))
    assert (code, line) == (1, f"CommandError: port {port} is in use; try: runchat {port + 1}")


@pytest.mark.parametrize("address", ["nonsense", "99999", "192.0.2.1:8000", "nowhere.invalid:8000"])
def test_a_bad_address_is_exit_2(site: ChatSite, address: str) -> None:
    assert refusal(site, address)[0] == 2


@pytest.mark.sqlite("elsewhere a test's database has its tables")
def test_a_missing_migration_is_exit_1_with_the_command(site: ChatSite) -> None:
    code, line = refusal(site, "0")
    assert code == 1
    assert "./manage.py migrate" in line
    assert "runchat --migrate" in line


@pytest.mark.embedded("runchat's own broker")
def test_a_broker_that_cannot_start_is_one_warning(site: ChatSite) -> None:
    site.env["CHAT_RUN_DIR"] = str(site.var_dir / ("x" * 100))
    site.start()
    (warning,) = site.stderr.splitlines()
    assert warning.startswith("Warning: no broker: ")
    assert "CHAT_RUN_DIR" in warning
    assert "the log itself" in site.stdout
    with Wire(site.host, site.port) as wire:
        wire.open("/works")


def test_a_redis_of_ones_own_is_named_without_its_password_and_nothing_is_started(site: ChatSite) -> None:
    site.env["CHAT_REDIS_URL"] = "redis://me:hidden@127.0.0.1:1/0"
    site.start()
    assert "redis://127.0.0.1:1/0" in site.stdout
    assert "hidden" not in site.stdout + site.stderr + (site.var_dir / "server.json").read_text()
    assert not site.broker_socket.exists()


@pytest.mark.slow
@pytest.mark.fault("F18")
@pytest.mark.embedded("runchat's own broker")
def test_after_kill_9_no_broker_is_left_and_the_next_one_takes_over(site: ChatSite) -> None:
    site.start()
    broker = site.broker_pid()
    site.kill()
    wait_until(lambda: not is_alive(broker), "the broker has followed its server")
    site.start()
    assert site.broker_pid() not in (0, broker)
    assert site.stderr == ""


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker")
def test_a_killed_broker_is_started_again(site: ChatSite) -> None:
    site.start()
    broker = site.broker_pid()
    os.kill(broker, signal.SIGKILL)
    assert wait_until(site.broker_pid, "another broker") != broker
    wait_until(lambda: "has been started again" in site.stderr, "it says so")


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker")
def test_a_frozen_broker_does_not_stall_the_server(site: ChatSite) -> None:
    site.start()
    broker = site.broker_pid()
    os.kill(broker, signal.SIGSTOP)
    wait_until(lambda: "does not answer" in site.stderr, "it is noticed")
    with Wire(site.host, site.port) as wire:
        wire.open("/room").send("echo alive")
        assert wire.text() == "alive"
    os.kill(broker, signal.SIGCONT)
    wait_until(lambda: "answers again" in site.stderr, "it is noticed")
    assert site.broker_pid() == broker


@pytest.mark.slow
@pytest.mark.fault("F18")
@pytest.mark.embedded("runchat's own broker")
def test_a_second_server_shares_the_broker_and_outlives_the_first(site: ChatSite) -> None:
    site.start()
    with ChatSite(beside=site, arguments=site.arguments) as other:
        assert f"Valkey at {site.broker_socket}, another server's" in other.stdout
        assert len(list(site.var_dir.glob("server*.json"))) == 2
        broker = site.broker_pid()
        assert site.stop() == 0
        assert wait_until(site.broker_pid, "the other's broker") != broker
    assert not site.broker_pid()


@pytest.mark.fault("F18")
@pytest.mark.sqlite("it names the file")
def test_a_second_server_on_other_data_is_refused(running: ChatSite) -> None:
    code, line = refusal(running, "0", env={"DATABASE_URL": f"sqlite:///{running.var_dir}/other.sqlite3"})
    assert code == 1
    for part in ("other.sqlite3", "chat.sqlite3", "roomline.env", "CHAT_VAR_DIR"):
        assert part in line
    assert not (running.var_dir / "other.sqlite3").exists()


def test_a_unix_socket_serves_a_proxy(site: ChatSite) -> None:
    path = site.var_dir / "web.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    site.arguments += ["--unix", str(path)]
    site.start()
    assert f"unix:{path}" in site.stdout
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    code, line = refusal(site, "--unix", str(path))
    assert (code, "in use" in line) == (1, True)
    assert site.stop() == 0
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.embedded("runchat's own broker")
def test_reload_starts_again_when_code_changes_and_keeps_the_broker(site: ChatSite) -> None:
    module = site.var_dir / "changing_settings.py"
    module.write_text("from tests.acceptance.echo_settings import *\n")
    site.env.update(DJANGO_SETTINGS_MODULE="changing_settings", PYTHONPATH=str(site.var_dir))
    site.arguments.append("--reload")
    site.start()
    broker, times = site.broker_pid(), site.stdout.count("Ready: ")
    later = module.stat().st_mtime + 10
    os.utime(module, (later, later))
    wait_until(lambda: site.stdout.count("Ready: ") > times, "it is ready again")
    assert site.broker_pid() == broker
    assert site.stop() == 0
    wait_until(lambda: not is_alive(broker), "the broker has ended")


def test_its_help_does_not_load_the_server() -> None:
    command = [sys.executable, "-X", "importtime", "manage.py", "runchat", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=DEADLINE_S)
    assert done.returncode == 0
    assert not re.search(r"\b(twisted|autobahn|daphne)\b", done.stderr)
