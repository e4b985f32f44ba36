"""A server that is told to stop: it says so to everybody, waits a little, and ends with exit code 0."""

import signal
from collections.abc import Iterator

import pytest

from tests.acceptance.site import ECHO, ChatSite, is_alive
from tests.acceptance.wire import CLOSE, Frame, Wire
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("the server of runchat itself")]

RESTART = Frame(CLOSE, b"\x03\xf4restart")


@pytest.fixture
def site() -> Iterator[ChatSite]:
    with ChatSite(env=ECHO, arguments=["--drain", "2"]) as site:
        yield site
        assert "Traceback" not in site.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_every_socket_is_told_to_come_back_and_the_exit_code_is_0(site: ChatSite, number: signal.Signals) -> None:
    wires = [Wire(site.host, site.port).open("/room") for _ in range(3)]
    assert site.process is not None
    site.process.send_signal(number)
    for wire in wires:
        assert wire.receive() == RESTART
        wire.send(b"\x03\xf4", CLOSE)
        assert wire.receive() is None
        wire.socket.close()
    assert site.process.wait(20) == 0
    *_, stopping, first, second, third, closed = site.stdout.splitlines()
    assert stopping == "Stopping: 3 sockets are told to reconnect."
    assert [first, second, third] == ["left /room"] * 3, "each socket's application has ended in order"
    assert closed == "application closed"


@pytest.mark.embedded("runchat's own broker")
def test_the_broker_is_stopped_and_the_record_removed(site: ChatSite) -> None:
    broker = site.broker_pid()
    assert broker
    assert (site.var_dir / "server.json").exists()
    assert site.stop() == 0
    assert not is_alive(broker)
    assert not site.broker_socket.exists()
    assert not (site.var_dir / "server.json").exists()


def test_a_client_that_does_not_answer_is_not_waited_for_longer_than_the_drain(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        assert site.stop() == 0
        assert wire.receive() == RESTART


def test_an_application_that_hangs_is_cancelled(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        wire.send("hang")
        wire.send("echo never")
        assert site.stop() == 0
    assert "left /room" in site.stdout


def test_a_second_signal_changes_nothing(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        assert site.process is not None
        site.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Stopping" in site.stdout, "the drain has begun")
        assert site.stop() == 0
        assert wire.receive() == RESTART


def test_a_request_that_is_being_answered_is_answered(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        wire.socket.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: "slow" in site.stdout, "the request has arrived")
        assert site.stop() == 0
        assert wire.head().startswith(b"HTTP/1.1 200 ")


def test_a_stopping_server_takes_no_connections(site: ChatSite) -> None:
    with Wire(site.host, site.port) as wire:
        wire.open("/room")
        assert site.process is not None
        site.process.send_signal(signal.SIGTERM)
        assert wire.receive() == RESTART
        with pytest.raises(ConnectionError):
            Wire(site.host, site.port).handshake()


def test_who_was_connected_when_it_stopped_is_still_answered_and_then_parted_from() -> None:
    with ChatSite(env=ECHO, arguments=["--drain", "60"]) as site, Wire(site.host, site.port) as early:
        with Wire(site.host, site.port) as later:  # once this one is answered, that one was accepted
            later.socket.sendall(b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert later.head().startswith(b"HTTP/1.1 200 ")
        assert site.process is not None
        site.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Stopping" in site.stdout, "the drain has begun")
        early.socket.sendall(b"GET /early HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = early.head()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close" in head
        assert site.stop() == 0
