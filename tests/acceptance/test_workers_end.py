"""How the workers of `runchat --workers` begin and end, and with them their parent."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.acceptance.site import ECHO, is_alive
from tests.acceptance.wire import Wire
from tests.acceptance.working import WorkingSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its workers")]


@pytest.fixture
def site() -> Iterator[WorkingSite]:
    """Not running yet."""
    site = WorkingSite(ECHO, "--drain", "1")
    yield site
    site.close()


@pytest.fixture(scope="module")
def running() -> Iterator[WorkingSite]:
    """One that runs, and whose code may be changed by `write_code`. Tests leave it running on code that works."""
    site = WorkingSite({}, "--drain", "1")
    site.env.update(DJANGO_SETTINGS_MODULE="changing_settings", PYTHONPATH=str(site.var_dir))
    write_code(site)
    with site:
        yield site


def write_code(site: WorkingSite, application: str = "application", says: str = "") -> None:
    text = f'from tests.acceptance.echo_settings import *\nASGI_APPLICATION = "tests.acceptance.echo.{application}"\n'
    (site.var_dir / "changing_settings.py").write_text(text + f"import os\nos.write(2, b'{says}\\n')\n" * bool(says))


@pytest.mark.embedded("the broker's end")
def test_it_is_ready_once_and_ends_with_its_workers_and_its_broker(site: WorkingSite) -> None:
    site.arguments += ["--unix", str(path := site.var_dir / "web.sock")]
    site.start()
    assert site.stdout.count("Ready: ") == 1
    pids, broker = site.pids(), site.broker_pid()
    assert all(map(is_alive, [*pids, broker]))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        assert site.stop() == 0
        assert wire.close_code() == 1012
    assert not any(map(is_alive, [*pids, broker]))
    assert site.stdout.count("Stopping.") == 1
    assert site.stderr == ""
    assert not path.exists()
    assert not (site.var_dir / "server.json").exists()


@pytest.mark.fault("F1")
def test_workers_never_outlive_a_killed_parent(site: WorkingSite) -> None:
    site.start()
    pids = site.pids()
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        site.kill()
        assert wire.close_code() == 1012, "they drain as on SIGTERM"
    wait_until(lambda: not any(map(is_alive, pids)), "the workers' end")
    site.start()  # on the same port
    assert site.stop(signal.SIGINT) == 0
    assert site.stderr == ""


def test_a_first_start_that_fails_says_why_once_and_ends_with_its_code(site: WorkingSite) -> None:
    site.env.update(DJANGO_SETTINGS_MODULE="changing_settings", PYTHONPATH=str(site.var_dir))
    write_code(site, "missing_application")
    done = site.manage("runchat", "--migrate", "--workers", "3", "0")
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last)") <= 2, "of one worker: the reason and its cause"
    assert "missing_application" in done.stderr
    assert "Ready" not in done.stdout
    assert not site.broker_pid()


def test_an_upgrade_loads_the_code_that_is_there_now(running: WorkingSite) -> None:
    before, broker = running.pids(), running.broker_pid()
    write_code(running, says="this is new")
    running.upgrade()
    assert running.stderr.count("this is new") == 2
    assert not set(before) & set(running.pids())
    assert not any(map(is_alive, before))
    assert running.broker_pid() == broker
    for number, (old, new) in enumerate(zip(before, running.pids(), strict=True), 1):
        assert f"Worker {number}: pid {new} in place of pid {old}." in running.stdout


def test_hangups_during_an_upgrade_are_one_more_upgrade(running: WorkingSite) -> None:
    begun, done = running.stdout.count("Upgrading"), running.stdout.count("Upgraded: ")
    for pid in running.pids():  # as pkill does, with all that have the name
        os.kill(pid, signal.SIGHUP)
    running.hang_up()
    wait_until(lambda: running.stdout.count("Upgrading") > begun, "its beginning")
    for _ in range(5):
        running.hang_up()
    wait_until(lambda: running.stdout.count("Upgraded: ") == done + 2, "the end of the second")
    assert running.stdout.count("Upgrading") == begun + 2
    assert "killed by signal" not in running.stderr


def test_code_that_cannot_start_leaves_those_who_serve_and_is_tried_again_with_longer_and_longer_pauses(
    running: WorkingSite,
) -> None:
    before = running.pids()
    write_code(running, "missing_application")
    running.hang_up()
    wait_until(lambda: "no upgrade: those that served go on" in running.stderr, "the refusal")
    assert re.search(r"worker 1 \(pid \d+\) ended with 1: .*missing_application", running.stderr)
    assert running.pids() == before

    os.kill(before[1], signal.SIGKILL)
    wait_until(lambda: len(tries(running)) >= 4, "some tries")
    assert f"worker 2 (pid {before[1]}) was killed by signal 9; started again" in running.stderr
    assert tries(running)[:4] in (["at once", "in 1 s", "in 2 s", "in 4 s"], ["in 1 s", "in 2 s", "in 4 s", "in 8 s"])
    assert running.pids() == [before[0], 0]
    with Wire(running.host, running.port) as wire:
        wire.open("/room")
    write_code(running)
    running.upgrade()  # which does not wait for the pause
    assert all(running.pids())


def tries(site: WorkingSite) -> list[str]:
    """When worker 2 is started again, as the log says it."""
    return re.findall(r"worker 2 .*; started again (.+)", site.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workers", "0"],
        ["--workers", "abc"],
        ["--workers", "-1"],
        ["--workers", "00010999"],
        ["--workers", "2", "--reload"],
    ],
)
def test_what_cannot_be_meant_is_exit_2(site: WorkingSite, arguments: list[str]) -> None:
    done = site.manage("runchat", *arguments)
    assert (done.returncode, done.stderr.count("Traceback")) == (2, 0)
    assert "workers" in done.stderr


@pytest.mark.parametrize("workers", [[], ["--workers", "1"]])
def test_sighup_is_no_end_unless_the_terminal_is_closed(site: WorkingSite, workers: list[str]) -> None:
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", *site.command("runchat", "--migrate", "--drain", "1", *workers, "0")]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=site.env, cwd="/")
    os.close(theirs)
    terminal = Screen(ours)
    port = int(terminal.until(rb"Ready: http://\S+:(\d+)/")[1])
    process.send_signal(signal.SIGHUP)
    terminal.until(rb"Upgraded: 1 workers" if workers else rb"only what was started with --workers")
    with Wire("127.0.0.1", port) as wire:
        wire.open("/room")
        os.close(ours)
        assert wire.close_code() == 1012
    assert process.wait(DEADLINE_S) == 0
    assert not site.broker_pid()


class Screen:
    """What is to be read on a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = b""

    def until(self, pattern: bytes) -> re.Match[bytes]:
        """Read until this is there."""
        while not (found := re.search(pattern, self._seen)):
            assert select.select([self._descriptor], [], [], DEADLINE_S)[0], self._seen
            self._seen += os.read(self._descriptor, 4096)
        return found
