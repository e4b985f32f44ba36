"""Which server `roomline` means, and how it is addressed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatcli.remote.connection import Server, parsed, quoted
from chatcli.remote.surroundings import project_of, socket_nearby
from chatcore.exceptions import BadRequest
from tests.waiting import DEADLINE_S


@pytest.mark.parametrize(
    ("url", "name", "websocket"),
    [
        ("https://chat.example.org", "https://chat.example.org", "wss://chat.example.org/ws/chat/newbox/?v=1"),
        ("https://chat.example.org/", "https://chat.example.org", "wss://chat.example.org/ws/chat/newbox/?v=1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws/chat/newbox/?v=1"),
        ("http://[::1]:8000/team/", "http://[::1]:8000/team", "ws://[::1]:8000/team/ws/chat/newbox/?v=1"),
        ("https://example.org:443/a/b", "https://example.org/a/b", "wss://example.org/a/b/ws/chat/newbox/?v=1"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "wss://xn--bcher-kva.example/ws/chat/newbox/?v=1"),
    ],
)
def test_a_server_is_named_by_its_address(url: str, name: str, websocket: str) -> None:
    server = parsed(url)
    assert (server.name, server.websocket("newbox")) == (name, websocket)
    assert not server.is_local


@pytest.mark.parametrize(
    "url",
    [
        "", "chat.example.org", "ftp://example.org", "https://", "https://example.org:0x1", "https://example.org:99999",
        "https://[::1", "https://example.org/?q=1", "https://example.org/#top", "https://exa mple.org",
        "https://example.org/a b", "https://example.org/ä", "file:///etc/passwd", "http://a\r\nb/", "https://\udcff",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(BadRequest, match="is no server's address: write https://"):
        parsed(url)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadRequest) as caught:
        parsed("https://me:geheim@example.org")
    assert "--token-file" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_the_token_is_in_the_header_alone() -> None:
    server = parsed("https://example.org")._replace(token="rl_a_b")
    assert server.headers() == {"Authorization": "Bearer rl_a_b"}
    assert "rl_a_b" not in server.name + server.websocket("x")
    assert Server("http", "localhost", 80, "", "/run/api.sock", None).headers() == {}


def test_a_room_is_one_part_of_a_path_whatever_its_name() -> None:
    assert quoted("news.2026-11_x~") == "news.2026-11_x~"
    assert quoted("a/../b?c#d%e\r\n ä") == "a%2F..%2Fb%3Fc%23d%25e%0D%0A%20%C3%A4"


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"CHAT_RUN_DIR": "/r", "CHAT_VAR_DIR": "/v"}, "/r/api.sock"),
        ({"CHAT_VAR_DIR": "/v"}, "/v/run/api.sock"),
        ({"CHAT_VAR_DIR": " "}, None),
        ({}, None),
    ],
)
def test_the_socket_is_where_the_environment_has_the_servers_folder(
    environment: dict[str, str], path: str | None, tmp_path: Path
) -> None:
    assert socket_nearby(environment, str(tmp_path / "venv")) == path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that looks like the project's, with a virtual environment."""
    (tmp_path / "manage.py").touch()
    (tmp_path / ".venvs" / "build-1").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("venv", [".venv", ".venvs/build-1"])
def test_the_socket_is_in_the_project_in_which_the_program_lies(project: Path, venv: str) -> None:
    assert project_of(str(project / venv)) == str(project)
    assert socket_nearby({}, str(project / venv)) == f"{project}/var/run/api.sock"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("CHAT_VAR_DIR=data", "{home}/data/run/api.sock"),
        ("export CHAT_VAR_DIR='/srv/data'", "/srv/data/run/api.sock"),
        ('CHAT_RUN_DIR="/run/chat"', "/run/chat/api.sock"),
        ("# CHAT_RUN_DIR=/run/chat", "{home}/var/run/api.sock"),
    ],
)
def test_the_projects_file_of_settings_counts_and_the_environment_wins(project: Path, line: str, path: str) -> None:
    (project / "roomline.env").write_text(f"CHAT_SIGNUP=off\n{line}\n")
    venv = str(project / ".venv")
    assert socket_nearby({}, venv) == path.format(home=project)
    assert socket_nearby({"CHAT_RUN_DIR": "/other"}, venv) == "/other/api.sock"


def test_without_any_server_all_that_may_name_one_is_told(tmp_path: Path) -> None:
    program = "import sys; sys.prefix = sys.argv.pop(); from chatcli.remote.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "send", "newbox", "hello", str(tmp_path / "venv")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}, cwd="/",
        stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "no server: give --server URL with --token-file, or --socket PATH" in done.stderr
