"""The lines of docs/cron.md as cron runs them: a bare environment, another folder, `%` as crontab has it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.conftest import PROJECT
from tests.waiting import DEADLINE_S

DOCUMENTED = "/srv/chat"
BARE_PATH = "/usr/bin:/bin"
TEXT = (PROJECT / "docs" / "cron.md").read_text()
#: What stands behind the five fields.
LINES = re.findall(r"^(?:\S+ +){5}(.*)$", "".join(re.findall(r"^```crontab\n(.*?)^```$", TEXT, re.M | re.S)), re.M)
#: Those for the server's own machine; test_one_liners has those for others.
RECIPES = [line for line in LINES if DOCUMENTED in line]
UNITS = re.findall(r"^```ini\n(.*?)^```$", TEXT, re.M | re.S)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("python3", path=BARE_PATH) is None, reason=f"cron would find no python3 in {BARE_PATH}"
    ),
]


class InstalledSite(ChatSite):
    """A site in a folder of its own, configured by the `roomline.env` there and by nothing else."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home
        shutil.copy(PROJECT / "manage.py", home)
        shutil.copytree(PROJECT / "chatproject", home / "chatproject", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("chatcli", "chatcore", "templates"):
            (home / name).symlink_to(PROJECT / name)
        (home / ".venv").symlink_to(sys.prefix)
        (home / "roomline.env").write_text(f"CHAT_VAR_DIR={self.var_dir}\nDJANGO_TIME_ZONE=Europe/Berlin\n")
        self.env = {"PATH": BARE_PATH, "HOME": str(home)}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.home / "manage.py"), *arguments]

    def cron(self, line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A line as crontab has it, with the project where it is here."""
        command, stdin = as_cron_reads(line.replace(DOCUMENTED, str(self.home)))
        return subprocess.run(
            ["/bin/sh", "-c", command],
            input=stdin,
            cwd="/",
            env={**self.env, **environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )

    def messages(self) -> list[dict[str, object]]:
        done = self.manage("chat_tail", "--all", "--no-follow", "-n", "all", "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def as_cron_reads(line: str) -> tuple[str, str]:
    """crontab(5): the first % ends the command, what follows is its input; \\% is a percent sign."""
    command, *rest = re.split(r"(?<!\\)%", line)
    return command.replace(r"\%", "%"), "\n".join(rest).replace(r"\%", "%")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledSite]:
    """It runs, and has the rooms that the recipes speak of."""
    with InstalledSite(tmp_path_factory.mktemp("installed")) as site:
        for room in ("newbox", "ops"):
            assert site.manage("create_room", "-q", room).returncode == 0
        yield site


def test_there_is_a_recipe_for_each_kind_of_message() -> None:
    assert len(RECIPES) == 4
    for options in (["--run"], ["--once", "--slot"], ["--banner"], ["--key"]):
        assert [recipe for recipe in RECIPES if all(option in recipe for option in options)]
    for recipe in RECIPES:
        assert " -q " in recipe
        assert " -- " in recipe
        assert f"{DOCUMENTED}/manage.py" in recipe


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: " ".join(re.findall(r"--[a-z]+", recipe)))
def test_a_recipe_run_twice_is_one_message_and_no_byte_of_output(site: InstalledSite, recipe: str) -> None:
    before = site.messages()
    for _ in range(2):
        done = site.cron(recipe)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    new = site.messages()[len(before) :]
    rooms = ["newbox", "ops"] if "--all" in recipe else [re.search("newbox|ops", recipe)[0]]  # type: ignore[index]
    assert sorted(str(message["room"]) for message in new) == rooms
    assert len({str(message["message"]) for message in new}) == 1


def test_the_alarm_is_urgent_when_the_disk_is_full(site: InstalledSite) -> None:
    (recipe,) = (recipe for recipe in RECIPES if "--once" in recipe)
    assert "-lt 90 " in recipe
    done = site.cron(recipe.replace("-lt 90 ", "-lt 0 "))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    message = site.messages()[-1]
    assert message["slot"] == "disk-max"
    assert re.fullmatch(rf"The disk of {re.escape(os.uname().nodename)} is \d+ % full", str(message["message"]))
    assert message["priority"] == 5


def test_with_another_database_in_the_environment_both_are_named_and_nothing_is_stored(
    site: InstalledSite, tmp_path: Path
) -> None:
    before = site.messages()
    other = tmp_path / "other.sqlite3"
    (recipe,) = (recipe for recipe in RECIPES if "time-sheets" in recipe)
    done = site.cron(recipe.replace("time-sheets", "another-key"), DATABASE_URL=f"sqlite:///{other}")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(other) in done.stderr
    assert str(site.var_dir / "chat.sqlite3") in done.stderr
    assert not other.exists()
    assert site.messages() == before


def test_the_systemd_service_runs_its_job_and_says_nothing(site: InstalledSite, tmp_path: Path) -> None:
    service, timer = UNITS
    (line,) = re.findall("^ExecStart=(.*)$", service, re.M)
    assert not set("$%\\") & set(line)
    before = site.messages()
    words = [word.replace(DOCUMENTED, str(site.home)) for word in shlex.split(line)]
    done = subprocess.run(words, env=site.env, cwd="/", capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert site.messages() == before
    for unit in (service, timer):
        path = re.match(r"# /etc/systemd/system/(\S+)\n", unit)
        assert path
        (tmp_path / path[1]).write_text(unit.replace(DOCUMENTED, str(site.home)).replace("User=chat", "User=root"))
    if verify := shutil.which("systemd-analyze"):
        units = sorted(map(str, tmp_path.iterdir()))
        done = subprocess.run([verify, "verify", "--man=no", *units], capture_output=True, text=True)
        assert (done.returncode, [line for line in done.stderr.splitlines() if "chat-clean-up" in line]) == (0, [])


def test_an_unescaped_percent_sign_ends_the_command() -> None:
    assert as_cron_reads(r"date +\%F; cat%one%two\%") == ("date +%F; cat", "one\ntwo%")
