"""scripts/venv on a project of its own: real interpreters and pip, with one small package that needs no network."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow

SETUP = """\
[options]
install_requires =
    small @ {wheel}
[options.extras_require]
more =
    more @ {more}
"""


class Project:
    """A folder with the set-up scripts and requirements that lie beside it as wheels."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "scripts").mkdir(parents=True)
        for name in ("venv", "build_venv.py"):
            shutil.copy(PROJECT / "scripts" / name, home / "scripts")
        (home / "constraints.txt").touch()
        self.lack("ensurepip")  # the quick way, by the pip of the interpreter; one test goes the usual way
        self.require(wheel(home, "small").as_uri())

    def require(self, address: str) -> None:
        (self.home / "setup.cfg").write_text(SETUP.format(wheel=address, more=wheel(self.home, "more").as_uri()))

    def lack(self, *modules: str) -> None:
        """Makes the interpreter one of those that are packaged without these modules."""
        (self.home / "sitecustomize.py").write_text(f"import sys; sys.modules.update(dict.fromkeys({modules!r}))")

    def start(self, *extras: str, **environment: str) -> "subprocess.Popen[str]":
        environ = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull}
        environ["PYTHONPATH"] = str(self.home)  # of the interpreter only, a build is not to see it
        return subprocess.Popen(
            [self.home / "scripts" / "venv", *extras],
            cwd="/",
            env=environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def set_up(self, *extras: str, **environment: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        process = self.start(*extras, **environment)
        stdout, stderr = process.communicate(timeout=3 * DEADLINE_S)
        assert stdout == ""
        return process.returncode, stderr

    def has(self, module: str) -> bool:
        """Whether .venv works and can import that."""
        command = [str(self.home / ".venv" / "bin" / "python"), "-c", f"import {module}"]
        return self.built and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0

    @property
    def built(self) -> bool:
        return (self.home / ".venv").exists()

    def builds(self) -> list[Path]:
        return list((self.home / ".venvs").glob("build-*"))


def wheel(folder: Path, name: str) -> Path:
    """A package of one empty module, as pip installs it."""
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        archive.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.dist-info/RECORD", "")
    return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "the project")


def test_a_set_up_project_has_its_packages_and_says_nothing_the_second_time(project: Project) -> None:
    project.lack()
    assert project.set_up()[0] == 0
    assert project.has("small")
    assert not project.has("more")
    before = project.builds()
    assert project.set_up() == (0, "")
    assert project.builds() == before
    script = project.home / ".venv" / "bin" / "pip"  # names its interpreter by path
    assert str(project.home) in subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout


def test_the_program_is_there_and_finds_the_projects_server(project: Project) -> None:
    for name in ("chatcli", "chatcore", "manage.py"):
        (project.home / name).symlink_to(PROJECT / name)
    assert project.set_up()[0] == 0
    (packages,) = (project.home / ".venv").glob("lib/python*/site-packages")
    for package in ("msgspec", "websockets"):
        spec = find_spec(package)
        assert spec is not None
        (packages / package).symlink_to(Path(str(spec.origin)).parent)
    for command in (["send", "--retry", "0", "newbox", "hello"], ["tail", "--no-follow", "newbox"]):
        done = subprocess.run(
            [project.home / ".venv" / "bin" / "roomline", *command],
            env={"PATH": os.environ["PATH"]}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (5, ""), done.stderr
        assert f"no server listens at {project.home}/var/run/api.sock: " in done.stderr


def test_an_extra_is_added_and_stays_when_setup_cfg_changes(project: Project) -> None:
    assert project.set_up("more")[0] == 0
    assert project.has("small")
    assert project.has("more")
    with (project.home / "setup.cfg").open("a") as file:
        file.write("# changed\n")
    code, said = project.set_up()
    assert (code, said.splitlines()[0][:16]) == (0, "Setting up .venv")
    assert project.has("small")
    assert project.has("more")


def test_a_build_that_was_killed_is_never_used_and_the_next_one_mends_it(project: Project) -> None:
    process = project.start()
    wait_until(lambda: any(build.joinpath("bin", "python").exists() for build in project.builds()), "a half-made venv")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not project.built
    assert project.set_up()[0] == 0
    assert project.has("small")
    assert len(project.builds()) == 1


def test_two_at_once_build_once_and_both_succeed(project: Project) -> None:
    both = [project.start(), project.start()]
    said = [process.communicate(timeout=3 * DEADLINE_S)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Setting up" in text for text in said) == 1
    assert len(project.builds()) == 1


def test_a_venv_of_somebody_else_is_moved_aside_and_not_lost(project: Project) -> None:
    (project.home / ".venv").mkdir()
    (project.home / ".venv" / "mine").touch()
    code, said = project.set_up()
    assert code == 0
    assert project.has("small")
    (aside,) = project.home.glob(".venv.old-*")
    assert (aside / "mine").exists()
    assert aside.name in said


def test_without_a_network_it_is_one_line_with_the_remedy_and_the_old_venv_stays(project: Project) -> None:
    assert project.set_up()[0] == 0
    project.require("http://127.0.0.1:9/small-1-py3-none-any.whl")
    code, said = project.set_up()
    assert code == 1
    assert said.splitlines()[1:] == [
        "No package could be downloaded: connect this machine or set a proxy, then run make again"
        " (all of it: .venvs/pip.log)"
    ]
    assert project.has("small")


def test_a_package_that_does_not_install_is_one_line_with_pips_reason(project: Project) -> None:
    project.require((project.home / "gone-1-py3-none-any.whl").as_uri())
    code, said = project.set_up()
    assert (code, len(said.splitlines())) == (1, 2)
    assert "gone-1-py3-none-any.whl" in said


@pytest.mark.parametrize("version", ["exit 1", "exit 127"])
def test_a_python_that_is_too_old_or_does_not_run_is_named(project: Project, tmp_path: Path, version: str) -> None:
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{version}\n")
    python.chmod(0o755)
    assert project.set_up(PYTHON=str(python)) == (1, f"PYTHON={python} is no Python 3.11 or newer that runs\n")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with what a shell script needs and no Python."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "tr", "dirname"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    return str(tools)


def test_a_machine_without_a_python_says_what_to_install(project: Project, bare_path: str) -> None:
    code, said = project.set_up(PYTHON="", PATH=bare_path)
    assert code == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("Roomline needs Python 3.11 or newer")


def test_without_the_venv_module_it_says_what_to_install(project: Project, bare_path: str) -> None:
    project.lack("ensurepip", "venv")
    code, said = project.set_up(PATH=bare_path)
    assert code == 1
    assert "sudo apt install python3-venv" in said.splitlines()[-1]
