"""The recipes of docs/operations.md: each section's `sh` blocks, line by line in one shell, on a site that runs.

And the commands elsewhere in the documents.

The document's room is newbox, its accounts are alice and bob. A line may stop and start the server: `# stop the server`
and `# start the server` stand where the reader does that by hand.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.site import ChatSite
from tests.conftest import PROJECT
from tests.documents import LINE_BY_LINE, command_lines, ways
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow

SECTIONS: dict[str, str] = dict(
    re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", (PROJECT / "docs/operations.md").read_text(), re.M | re.S)
)
#: The commands of each section that has some.
RECIPES = {
    title: "".join(blocks)
    for title, text in SECTIONS.items()
    if (blocks := re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S))
}


def test_the_recipes_are_there() -> None:
    wanted = ("backup", "retention", "mov", "forgotten", "moderation", "well")
    assert not [word for word in wanted if not any(word in title.lower() for title in RECIPES)]


OF_SQLITE = pytest.mark.sqlite("PostgreSQL is saved by its own program")


@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, id=title, marks=[OF_SQLITE] if "chat_restore" in recipe else [])
        for title, recipe in RECIPES.items()
    ],
)
def test_the_recipe_does_what_it_says(title: str, tmp_path: Path) -> None:
    with ChatSite() as site:
        prepare(site)
        (tmp_path / "manage.py").symlink_to(PROJECT / "manage.py")
        (tmp_path / "var").symlink_to(site.var_dir)
        for line in lines(RECIPES[title]):
            if line == "# stop the server":
                assert site.stop() == 0
            elif line == "# start the server":
                site.start()
            elif not line.startswith("#"):
                done = run(site, line, tmp_path)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@OF_SQLITE
def test_the_lines_of_all_documents_do_what_they_say(tmp_path: Path) -> None:
    """Each of them once, one after the other, on one site."""
    found = dict.fromkeys(line.command for line in command_lines() if ways(line) == [LINE_BY_LINE])
    commands = [command for command in found if command is not None]
    assert len(commands) > 5
    with ChatSite() as site:
        for room in ("newbox", "ops"):
            site.manage("create_room", room)
        (tmp_path / "manage.py").symlink_to(PROJECT / "manage.py")
        (tmp_path / "backups").mkdir()
        for command in commands:
            command = command.replace("/srv/backups", str(tmp_path / "backups"))
            if command.startswith("./manage.py create_room"):
                command += " --if-not-exists"  # several documents begin with one
            done = run(site, command, tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def prepare(site: ChatSite) -> None:
    """What a recipe takes for granted."""
    site.sign_in("alice", "bob")
    site.manage("create_room", "newbox", "--member", "alice", "--member", "bob")
    for name in ("alice", "bob"):
        for number in range(10):
            assert site.manage("chat_send", "-q", "--as", name, "newbox", f"{name} says {number}").returncode == 0


def lines(recipe: str) -> list[str]:
    """The command lines, with those that end in a backslash joined to the next one."""
    return [line.strip() for line in recipe.replace("\\\n", " ").splitlines() if line.strip()]


def run(site: ChatSite, line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A line as a reader copies it into bash."""
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [bash, "-o", "pipefail", "-c", line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**site.env, "PATH": f"{Path(sys.executable).parent}:{site.env['PATH']}"},
        cwd=folder,
        text=True,
        timeout=DEADLINE_S,
    )
