"""The files of deploy/ are what the programs that read them take, and say the same as each other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.proxies import DEPLOY, replaced

pytestmark = pytest.mark.slow

UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
#: systemd's own measure of what a service could do to the machine: 0 nothing, 10 everything.
EXPOSURE = {"roomline.service": 2.0}
COMPOSE = DEPLOY / "docker/compose.yaml"
#: What of the proxy's configuration makes no sense between containers.
UNIX = """\
    # runchat --unix /run/roomline/web:
    #server unix:/run/roomline/web max_fails=1 fail_timeout=5s;
"""


def run(*command: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units for a project that is there: systemd looks for their programs."""
    folder = tmp_path_factory.mktemp("systemd")
    home = folder / "chat"
    (home / ".venv/bin").mkdir(parents=True)
    (home / ".venv/bin/python").symlink_to(sys.executable)
    (home / "manage.py").symlink_to(DEPLOY.parent / "manage.py")
    for unit in UNITS:
        (folder / unit.name).write_text(unit.read_text().replace("/srv/chat/", f"{home}/"))
    return folder


@pytest.mark.parametrize("name", [unit.name for unit in UNITS])
def test_systemd_takes_the_unit(name: str, units: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", str(units / name))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", [unit.name for unit in SERVICES])
def test_the_service_may_do_little_to_the_machine(name: str, units: Path) -> None:
    threshold = int(10 * EXPOSURE.get(name, 4.0))
    done = run("systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", str(units / name))
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "service", [unit for unit in SERVICES if unit.name != "roomline.service"], ids=lambda path: path.name
)
def test_the_command_of_a_timed_service_is_one(service: Path) -> None:
    [line] = re.findall(r"^ExecStart=/srv/chat/manage.py (.*)$", service.read_text(), re.M)
    assert (service.with_suffix(".timer")).exists()
    name, *arguments = line.split()
    parser_takes(name, arguments)


def parser_takes(name: str, arguments: list[str]) -> None:
    from django.core.management import load_command_class

    load_command_class("chatcli", name).create_parser("./manage.py", name).parse_args(arguments)


def test_the_commands_of_the_unit_and_the_images_are_what_runchat_takes() -> None:
    [unit] = re.findall(
        r"^ExecStart=.*manage.py runchat (.*)$", (DEPLOY / "systemd/roomline.service").read_text(), re.M
    )
    [image] = re.findall(r'^CMD \["runchat", (.*)\]$', (DEPLOY / "docker/Dockerfile").read_text(), re.M)
    server = services()["server-1"]["command"]
    for arguments in (unit.split(), re.findall('"(.*?)"', image), server[1:]):
        parser_takes("runchat", arguments)


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_compose_takes_the_file() -> None:
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_service_has_a_version_a_health_and_secrets_that_are_made(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "docker/make-secrets", tmp_path)
    made = run("sh", str(tmp_path / "make-secrets"))
    assert made.returncode == 0, made.stderr
    secrets = yaml.safe_load(COMPOSE.read_text())["secrets"]
    assert {Path(secret["file"]).name for secret in secrets.values()} == {
        file.name for file in (tmp_path / "secrets").iterdir()
    }
    for name, service in services().items():
        _, _, tag = service["image"].partition(":")
        assert re.match(r"\d+\.\d+|\d+-", tag), f"{name}: {tag}"
        assert "healthcheck" in service or service["image"].startswith("roomline:")  # whose image has one
        assert {
            given if isinstance(given, str) else given["source"] for given in service.get("secrets", ())
        } <= secrets.keys()


def test_making_secrets_again_changes_nothing_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "docker/make-secrets", tmp_path)
    run("sh", str(tmp_path / "make-secrets"))
    folder = tmp_path / "secrets"
    before = {file.name: (file.read_bytes(), file.stat().st_mode & 0o077) for file in folder.iterdir()}
    assert not any(mode for _, mode in before.values())
    run("sh", str(tmp_path / "make-secrets"))
    assert {file.name: (file.read_bytes(), file.stat().st_mode & 0o077) for file in folder.iterdir()} == before


def test_the_proxy_of_compose_is_the_shipped_one_with_other_addresses() -> None:
    shipped = (DEPLOY / "nginx/roomline.conf").read_text()
    there = replaced(
        shipped[shipped.index("map $http_upgrade") :],
        {
            "127.0.0.1:8000 ": "server-1:8000 ",
            "127.0.0.1:8001 ": "server-2:8000 ",
            UNIX: "",
            "/etc/ssl/chat.example.org.pem": "/run/secrets/certificate.pem",
            "/etc/ssl/chat.example.org.key": "/run/secrets/certificate.key",
        },
    )
    assert (DEPLOY / "docker/nginx.conf").read_text().endswith(f"\n\n{there}")


def test_what_the_image_copies_is_there_and_no_more_than_the_context_has() -> None:
    text = (DEPLOY / "docker/Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY ([^-].*) \S+$", text, re.M) for word in line.split()]
    assert copied
    assert all((DEPLOY.parent / name).exists() for name in copied)
    kept = re.findall(r"^!(\S+)$", (DEPLOY / "docker/Dockerfile.dockerignore").read_text(), re.M)
    assert sorted(kept) == sorted(copied)
