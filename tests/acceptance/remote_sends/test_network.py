"""`roomline send` and `chat_send --server` over a network: tokens, TLS, a path of its own, an answer that is lost."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.certificate import self_signed
from tests.acceptance.remote_sends.program import roomline, token_file
from tests.acceptance.site import ChatSite
from tests.acceptance.tls import TlsFront

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def token(site: ChatSite) -> Path:
    """It may send into newbox and what begins with ops."""
    return token_file(site, "guest", "--room", "newbox", "--room", "ops*", "--can", "send,read")


def through(site: ChatSite, token: Path | str) -> list[str]:
    return ["--server", site.url, "--token-file", str(token)]


def test_a_message_is_the_tokens(site: ChatSite, token: Path) -> None:
    done = roomline(site, "send", *through(site, token), "newbox", "--name", "Build", "--json", "hello")
    assert (done.returncode, done.stderr) == (0, "")
    message = json.loads(done.stdout)["message"]
    assert (message["message"], message["username"], message["source"]) == ("hello", "Build", "http")
    assert (message["author"]["type"], message["author"]["name"]) == ("token", "guest")


def test_chat_send_does_the_same(site: ChatSite, token: Path) -> None:
    done = site.manage("chat_send", *through(site, token), "newbox,ops", "both")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(" #")[0] for line in done.stdout.splitlines()] == ["newbox", "ops"]


def test_server_and_token_may_stand_in_the_environment(site: ChatSite, token: Path) -> None:
    env = {"ROOMLINE_SERVER": site.url, "ROOMLINE_TOKEN_FILE": str(token)}
    done = roomline(site, "send", "-q", "newbox", "--", "hello", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_token_may_come_by_a_pipe(site: ChatSite, token: Path) -> None:
    done = roomline(site, "send", *through(site, "-"), "newbox", "hello", input=token.read_bytes())
    assert (done.returncode, done.stderr) == (0, "")


def test_all_means_the_rooms_that_the_token_may_read(site: ChatSite, token: Path) -> None:
    assert site.manage("create_room", "elsewhere").returncode == 0
    done = roomline(site, "send", *through(site, token), "--all", "to all")
    assert sorted(line.partition(" #")[0] for line in done.stdout.splitlines()) == ["newbox", "ops"]


def test_what_a_token_may_not_is_told_with_exit_codes(site: ChatSite, token: Path) -> None:
    for line, code in (
        (["elsewhere", "hello"], 3),
        (["nowhere", "hello"], 3),
        (["newbox", "--as", "alice", "hello"], 2),
        (["newbox", "--create", "hello"], 2),
    ):
        done = roomline(site, "send", *through(site, token), *line)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.count("\n") == 1
    others = json.loads(site.manage("chat_send", "newbox", "--json", "the system's").stdout)["message"]["seq"]
    done = roomline(site, "send", *through(site, token), "newbox", "--edit", str(others), "mine")
    assert (done.returncode, done.stdout) == (4, "")


def test_a_revoked_and_a_wrong_token_are_refused_and_not_shown(site: ChatSite, tmp_path: Path) -> None:
    revoked = token_file(site, "gone", "--room", "*")
    assert site.manage("chat_token", "revoke", "gone").returncode == 0
    wrong = tmp_path / "token"
    wrong.touch(0o600)
    wrong.write_text("rl_aaaaaaaaaaaa_" + "x" * 43)
    for path in (revoked, wrong):
        done = roomline(site, "send", *through(site, path), "newbox", "hello")
        assert (done.returncode, done.stdout) == (4, "")
        assert path.read_text().strip() not in done.stderr
        assert path.read_text().strip().rpartition("_")[2] not in done.stderr


def test_tls_is_checked_by_the_certificates_that_the_machine_trusts(
    site: ChatSite, token: Path, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path, "localhost")
    with TlsFront(site.port, certificate, key) as front:
        line = ["send", "--server", f"https://localhost:{front.port}", "--token-file", str(token), "newbox", "secret"]
        untrusted = roomline(site, *line)
        assert (untrusted.returncode, untrusted.stdout) == (1, "")
        assert untrusted.stderr.startswith(f"roomline send: the certificate of https://localhost:{front.port} is not ")
        trusted = roomline(site, *line, env={"SSL_CERT_FILE": str(certificate)})
        assert (trusted.returncode, trusted.stderr) == (0, "")
        other = roomline(
            site, *[word.replace("localhost", "127.0.0.1") for word in line], env={"SSL_CERT_FILE": str(certificate)}
        )
        assert other.returncode == 1


@pytest.fixture
def losing(site: ChatSite) -> Iterator[tuple[str, list[int]]]:
    """The address of a way to the site on which the first answer is lost, and the sizes of the answers."""
    sizes: list[int] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client, socket.create_connection((site.host, site.port)) as server:
                server.sendall(client.recv(65536))
                answer = server.recv(65536)
                sizes.append(len(answer))
                if len(sizes) > 1:
                    client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", sizes
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_a_message_whose_answer_was_lost_is_there_once(
    site: ChatSite, token: Path, losing: tuple[str, list[int]]
) -> None:
    url, sizes = losing
    text = os.urandom(8).hex()
    done = roomline(site, "send", "--server", url, "--token-file", str(token), "newbox", text)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sizes) == 2
    shown = site.manage("chat_tail", "newbox", "--no-follow", "--grep", text, "--json", "-n", "all")
    assert len(shown.stdout.splitlines()) == 1
