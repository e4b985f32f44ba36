"""What `make run` starts once .venv is there."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import READY
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until


class Start:
    """scripts/start.py on a free port, with data of its own."""

    def __init__(self, folder: Path) -> None:
        self.env = {"CHAT_VAR_DIR": str(folder / "var"), "CHAT_RUN_DIR": str(folder / "run"), "PATH": "/usr/bin:/bin"}
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, PROJECT / "scripts" / "start.py", "0"],
                cwd="/",
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
            )

    def ready(self) -> None:
        wait_until(lambda: READY["runchat"].search(self.said) or self.process.poll() is not None, "the ready line")
        assert self.process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.output.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        return subprocess.run(command, env=self.env, cwd="/", capture_output=True, text=True, check=True).stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = Start(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def test_it_makes_the_database_and_the_first_room_and_serves_until_it_is_told_to_stop(start: Start) -> None:
    start.ready()
    assert start.manage("chat_send", "newbox", "hello") == "newbox #1\n"
    assert start.stop() == 0


@pytest.mark.slow
def test_a_second_run_keeps_the_room_and_what_was_said(start: Start, tmp_path: Path) -> None:
    start.ready()
    start.manage("chat_send", "newbox", "hello")
    assert start.stop() == 0
    again = Start(tmp_path)
    again.ready()
    assert "hello" in again.manage("chat_tail", "newbox", "--no-follow")
    assert again.stop() == 0


def test_ctrl_c_stops_the_server_in_order(start: Start) -> None:
    start.ready()
    assert start.stop(signal.SIGINT) == 0
    assert "Traceback" not in start.said
    assert start.said.splitlines()[-1].startswith("Stopp")
