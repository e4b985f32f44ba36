"""manage.py as people and cron call it: from anywhere, with nothing activated, and with mistakes in the settings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

#: The interpreter below the environment that runs the tests; the packages are not installed for it.
BARE_PYTHON = os.path.realpath(sys.executable)


def run(*command: str | Path, cwd: Path | str = "/", **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command with this environment and no other."""
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """manage.py beside a .venv in a folder with a blank in its name; the apps are there too."""
    home = tmp_path / "the project"
    home.mkdir()
    shutil.copy(PROJECT / "manage.py", home)
    for name in ("chatcli", "chatcore", "chatproject"):
        (home / name).symlink_to(PROJECT / name)
    (home / ".venv").symlink_to(sys.prefix)
    return home


def zone_seen(project: Path, **environment: str) -> str:
    code = "import os; print(os.environ.get('ROOMLINE_CALLER_TZ'))"
    return run(BARE_PYTHON, project / "manage.py", "shell", "-v0", "-c", code, **environment).stdout.strip()


def test_it_runs_in_its_venv_from_any_folder_without_an_environment(project: Path) -> None:
    done = run(BARE_PYTHON, project / "manage.py", "shell", "-v0", "-c", "import channels, sys; print(sys.prefix)")
    assert (done.returncode, done.stderr) == (0, "")
    assert os.path.realpath(done.stdout.strip()) == os.path.realpath(sys.prefix)


def test_it_runs_as_a_program_and_through_a_link(project: Path, tmp_path: Path) -> None:
    link = tmp_path / "chat"
    link.symlink_to(project / "manage.py")
    for program in (project / "manage.py", link):
        done = run(program, "--version", PATH=f"{Path(BARE_PYTHON).parent}:/usr/bin:/bin")
        assert (done.returncode, done.stderr) == (0, "")


def test_interpreter_options_survive_the_change_into_the_venv(project: Path) -> None:
    code = "import sys; print(sys.flags.utf8_mode, sys.warnoptions)"
    done = run(
        BARE_PYTHON, "-X", "utf8", "-W", "error::SyntaxWarning", project / "manage.py", "shell", "-v0", "-c", code
    )
    assert done.stdout == "1 ['error::SyntaxWarning']\n"


def test_arguments_arrive_as_they_were_given(project: Path) -> None:
    code = "print(ascii('''--x  $(y)\n ü'''))"
    done = run(BARE_PYTHON, project / "manage.py", "shell", "-v0", "-c", code, LC_ALL="C.UTF-8")
    assert done.stdout == "'--x  $(y)\\n \\xfc'\n"


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a link to nothing"])
def test_without_a_usable_venv_it_says_what_to_run(project: Path, left: str) -> None:
    (project / ".venv").unlink()
    if left == "an empty folder":
        (project / ".venv").mkdir()
    elif left == "a link to nothing":
        (project / ".venv").symlink_to("nowhere")
    done = run(BARE_PYTHON, project / "manage.py", "check")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"Roomline is not set up yet: run `make run` in {project}\n"


def test_a_venv_without_the_packages_says_what_to_run(project: Path) -> None:
    (project / ".venv").unlink()
    subprocess.run([BARE_PYTHON, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    done = run(BARE_PYTHON, project / "manage.py", "check")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"run `make run` in {project}" in done.stderr


def test_the_callers_time_zone_is_kept_for_what_commands_print(project: Path) -> None:
    assert zone_seen(project, TZ="Asia/Tokyo", DJANGO_TIME_ZONE="Europe/Berlin") == "Asia/Tokyo"
    assert zone_seen(project, DJANGO_TIME_ZONE="Europe/Berlin") == "None"
    assert zone_seen(project, ROOMLINE_CALLER_TZ="left over") == "None"


@pytest.mark.parametrize("command", [["check"], ["chat_send", "newbox", "hello"], ["migrate"], ["runchat", "0"]])
def test_a_setting_that_cannot_be_used_is_one_line(tmp_path: Path, command: list[str]) -> None:
    done = run(
        sys.executable, PROJECT / "manage.py", *command, CHAT_VAR_DIR=str(tmp_path / "var"), CHAT_MAX_LENGTH="4k"
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Roomline's settings: CHAT_MAX_LENGTH='4k' cannot be used: expected a whole number from 1 up, as 4000\n"
    )


def test_the_settings_file_beside_it_is_read_and_mistakes_in_it_are_named(project: Path) -> None:
    (project / "chatproject").unlink()
    shutil.copytree(PROJECT / "chatproject", project / "chatproject")
    show = ["shell", "-v0", "-c", "from django.conf import settings as s; print(s.CHAT_MAX_LENGTH, s.CHAT_VAR_DIR)"]
    (project / "roomline.env").write_text("CHAT_MAX_LENGTH=99\n")
    assert run(BARE_PYTHON, project / "manage.py", *show).stdout == f"99 {project}/var\n"
    assert run(BARE_PYTHON, project / "manage.py", *show, CHAT_MAX_LENGTH="98").stdout == f"98 {project}/var\n"
    (project / "roomline.env").write_text("CHAT_MAX_LENGHT=99\n")
    done = run(BARE_PYTHON, project / "manage.py", *show)
    assert done.returncode == 1
    assert done.stderr == (
        "Roomline's settings: roomline.env: there is no setting CHAT_MAX_LENGHT; did you mean CHAT_MAX_LENGTH?\n"
    )
