"""The server's own socket: for its owner and root alone, without a token, without pages, while a server is there."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest
from websockets.sync.client import unix_connect

from tests.acceptance.local import asked, local_path, next_event, opened
from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.runchat("its own socket")]
MESSAGES = "/api/rooms/newbox/messages"


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with ChatSite() as site:
        assert site.manage("create_room", "newbox").returncode == 0
        yield site
        assert site.stderr == ""


def test_a_program_of_this_account_posts_without_a_token(site: ChatSite) -> None:
    status, answer = asked(local_path(site), "POST", MESSAGES, "hello")
    assert (status, answer["status"]) == (201, "sent")
    assert (answer["message"]["author"]["type"], answer["message"]["source"]) == ("system", "cli")


def test_it_is_its_owner_s_alone_and_named_in_the_record(site: ChatSite) -> None:
    status = local_path(site).stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_IMODE(local_path(site).parent.stat().st_mode) == 0o700
    assert status.st_uid == os.geteuid()
    assert json.loads((site.var_dir / "server.json").read_text())["socket"] == str(local_path(site))


@pytest.mark.parametrize("target", ["/", "/chat/newbox/", "/accounts/login/", "/admin/", "/static/chatcore/chat.css"])
def test_it_has_no_pages(site: ChatSite, target: str) -> None:
    status, answer = asked(local_path(site), "GET", target)
    assert (status, answer["code"]) == (404, "not_found")


def test_it_says_how_the_server_is(site: ChatSite) -> None:
    assert asked(local_path(site), "GET", "/healthz")[0] == 200


def test_a_websocket_is_the_system_s(site: ChatSite) -> None:
    with unix_connect(str(local_path(site)), "ws://localhost/ws/chat/newbox/?v=1") as client:
        client.send('{"type":"hello"}')
        opened = json.loads(client.recv(DEADLINE_S))
    assert (opened["type"], opened["you"]["type"]) == ("open", "system")


def test_who_claims_another_host_or_a_proxy_is_the_same(site: ChatSite) -> None:
    answer = opened(
        local_path(site), "/api/rooms", {"Host": "evil.example", "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=x"}
    )
    assert answer.status == 200


def test_the_way_for_proxies_is_not_the_local_one(site: ChatSite) -> None:
    way = site.var_dir / "web"
    with ChatSite(beside=site, arguments=["--unix", str(way)]) as other:
        status, answer = asked(way, "GET", "/api/rooms")
        assert (status, answer["code"]) == (401, "not_signed_in")
        assert other.stderr == ""


STRANGER = """
import os, socket, sys
os.setgid(65534)
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(30)
    client.connect(sys.argv[1])
    client.sendall(b"GET /api/rooms HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    try:
        print(client.recv(1000))
    except ConnectionError:
        print(b"")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_is_not_listened_to_even_where_the_folder_is_open() -> None:
    with ChatSite() as site:
        path = local_path(site)
        for folder in (site.var_dir, path.parent):
            folder.chmod(0o711)
        path.chmod(0o666)
        done = subprocess.run(
            [sys.executable, "-c", STRANGER, str(path)], capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert (done.stdout, done.stderr) == ("b''\n", "")
        wait_until(lambda: "refused a program of another account" in site.stderr, "a line of the log")


def test_a_second_server_has_one_of_its_own_and_takes_no_other_away(site: ChatSite) -> None:
    with ChatSite(beside=site) as other:
        assert other.process is not None
        own = local_path(site).with_name(f"api-{other.process.pid}.sock")
        record = json.loads((site.var_dir / f"server-{other.process.pid}.json").read_text())
        assert record["socket"] == str(own)
        for path in (local_path(site), own):
            assert asked(path, "POST", MESSAGES, "to both")[0] == 201
    assert not own.exists()
    assert asked(local_path(site), "POST", MESSAGES, "still there")[0] == 201


def test_what_a_killed_server_left_is_taken_over_and_what_stops_is_removed() -> None:
    with ChatSite() as site:
        with ChatSite(beside=site) as other:
            other.kill()
        site.kill()
        left = local_path(site).parent
        assert len(list(left.glob("api*.sock"))) == 2
        site.start()
        assert asked(local_path(site), "GET", "/api/rooms")[0] == 200
        assert [path.name for path in left.glob("api*.sock")] == ["api.sock"]
        assert site.stop() == 0
        assert list(left.glob("api*.sock")) == []


def test_a_folder_that_is_too_deep_for_a_socket_is_a_warning(site: ChatSite) -> None:
    deep = site.var_dir / ("d" * 120)
    with ChatSite(env={"CHAT_RUN_DIR": str(deep)}) as other:
        assert "no local socket for roomline" in other.stderr
        assert "set CHAT_RUN_DIR to a shorter one" in other.stderr
        assert '"chatcore.W146"' in other.manage("chat_check", "--format", "json").stdout


def test_workers_share_it_and_it_outlives_each_of_them() -> None:
    with ChatSite(arguments=["--workers", "2"]) as site:
        assert site.manage("create_room", "newbox").returncode == 0
        inode = local_path(site).stat().st_ino
        assert site.process is not None
        site.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Upgraded: 2 workers." in site.stdout, "an upgrade")
        assert asked(local_path(site), "POST", MESSAGES, "hello")[0] == 201
        assert local_path(site).stat().st_ino == inode
        assert stat.S_IMODE(local_path(site).stat().st_mode) == 0o600
        answer = opened(local_path(site), "/api/rooms/newbox/stream?after=0")
        found = next_event(answer)
        assert found is not None
        assert found["message"] == "hello"
        assert site.stop() == 0
        assert next_event(answer) is None
        assert not local_path(site).exists()
        assert site.stderr == ""


def test_a_proxy_s_socket_outlives_the_workers_too() -> None:
    with ChatSite() as site:
        way = site.var_dir / "web"
        with ChatSite(beside=site, arguments=["--unix", str(way), "--workers", "2"]) as other:
            assert other.process is not None
            other.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "Upgraded: 2 workers." in other.stdout, "an upgrade")
            assert asked(way, "GET", "/healthz")[0] == 200
            assert stat.S_IMODE(way.stat().st_mode) == 0o666


def test_python_needs_nothing_but_its_standard_library(site: ChatSite) -> None:
    """As a cron job of this account would do it, whatever its environment."""
    code = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'POST /api/rooms/newbox/messages HTTP/1.0\\r\\nContent-Length: 4\\r\\n\\r\\ncron');"
        "print(s.makefile().readline().split()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(local_path(site))],
        capture_output=True, text=True, env={}, cwd=PROJECT, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.stdout == "201\n", done.stderr


def test_a_socket_that_nobody_asks_on_is_no_fault(site: ChatSite) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(local_path(site)))
    assert asked(local_path(site), "GET", "/api/rooms")[0] == 200
