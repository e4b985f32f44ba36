"""The curl lines of the documents, as a reader copies them: on the machine of a guest, who has curl and a token and
nothing of the project. Those of docs/http-api.md are followed from the making of the token on."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.acceptance.clients import in_the_log
from tests.acceptance.http_api.guest import token
from tests.acceptance.local import local_path
from tests.acceptance.site import PROJECT, ChatSite
from tests.acceptance.test_cron import LINES, RECIPES, as_cron_reads
from tests.documents import command_lines
from tests.waiting import DEADLINE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl"),
]
DOCUMENT = (PROJECT / "docs" / "http-api.md").read_text()
HOST = "chat.example.org"
#: What goes on until it is ended.
FOLLOWING = re.compile(r"curl -nN ")
ONCE = [line.text for line in command_lines() if line.text.startswith("curl ") and line.document != "docs/http-api.md"]
FOR_CRON = [line for line in LINES if line not in RECIPES]


class Machine:
    """Somebody's machine: a home folder, an environment of its own, and a chat somewhere else."""

    def __init__(self, site: ChatSite, home: Path) -> None:
        self.site, self.home = site, home
        self.env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}

    def here(self, text: str) -> str:
        """The line or program, with the site where the document has chat.example.org."""
        address = f"{self.site.host}:{self.site.port}"
        text = text.replace(f"https://{HOST}", f"http://{address}").replace(
            f"machine {HOST}", f"machine {self.site.host}"
        )
        text = text.replace("var/run/api.sock", str(local_path(self.site)))
        return text.replace("/etc/chat-token", str(self.home / ".chat-token"))

    def has_token(self, *rooms: str) -> None:
        """In ~/.netrc, as the documents say."""
        options = [word for room in rooms for word in ("--room", room)]
        line = f"machine {self.site.host} login token password {token(self.site, self.home.name, *options)}\n"
        (self.home / ".netrc").write_text(line)

    def run(self, line: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """As cron would, and a shell."""
        return subprocess.run(
            ["/bin/sh", "-c", self.here(line)],
            input=stdin, cwd="/", env=self.env, capture_output=True, text=True, timeout=DEADLINE_S,
        )  # fmt: skip

    def first_line_with(self, words: list[str], piece: str) -> str:
        """Of what a program prints that goes on; then it is ended."""
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=self.env, cwd="/", text=True) as process:
            assert process.stdout is not None
            found = next((line for line in process.stdout if piece in line), "")
            process.terminate()
        return found


@pytest.fixture(scope="module")
def site(site: ChatSite) -> ChatSite:
    for room in ("ops", "ops-web"):
        assert site.manage("create_room", room).returncode == 0
    return site


@pytest.fixture
def machine(site: ChatSite, tmp_path: Path) -> Machine:
    return Machine(site, tmp_path)


def hears(site: ChatSite, machine: Machine, line: str) -> bool:
    """Whether a line that follows prints a message that is sent meanwhile, however long it takes to begin."""
    words = shlex.split(machine.here(line))
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=machine.env, cwd="/", text=True) as process:
        output, heard = process.stdout, Event()
        assert output is not None

        def listen() -> None:
            for said in output:
                if "do you hear me?" in said:
                    heard.set()

        with ThreadPoolExecutor(1) as threads:
            threads.submit(listen)
            while process.poll() is None and not heard.is_set():
                assert site.manage("chat_send", "-q", "newbox", "do you hear me?").returncode == 0
            process.terminate()
    return heard.is_set()


def documented() -> Iterator[str]:
    """The lines of the document's blocks of sh."""
    for block in re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, re.M | re.S):
        yield from block.replace("\\\n", " ").splitlines()


@pytest.mark.runchat("its record says where a hook's address is")
def test_the_document_is_followed_from_the_token_to_the_hook(site: ChatSite, machine: Machine) -> None:
    lines = list(documented())
    assert len([line for line in lines if "curl" in line]) > 8
    hook = ""
    for line in lines:
        if "./manage.py" in line:  # on the server's machine
            command = line.replace("./manage.py", shlex.join(site.command()))
            done = subprocess.run(
                ["/bin/sh", "-c", command], env={**site.env, "HOME": str(machine.home)}, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            hook = done.stdout.strip() or hook
        elif FOLLOWING.match(line):
            assert hears(site, machine, line)
        else:
            done = machine.run(line)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert not done.stdout or json.loads(done.stdout).get("type") != "error", done.stdout
    assert (machine.home / ".chat-token").stat().st_mode & 0o077 == 0
    assert (machine.home / ".netrc").stat().st_mode & 0o077 == 0
    texts = [message["message"] for message in in_the_log(site, "newbox")]
    assert texts.count("Build 7 passed") == 2
    assert "Deploy at 18:00" in texts
    [step] = re.findall(r"^- run: (curl .*)$", DOCUMENT, re.M)
    step = step.replace("${{ github.run_number }}", "12").replace("${{ secrets.CHAT_HOOK }}", hook)
    assert machine.run(step).stdout == "ok"
    assert in_the_log(site, "newbox")[-1]["message"] == "Build 12 passed"


def test_the_program_of_the_document_follows(site: ChatSite, machine: Machine) -> None:
    (machine.home / ".chat-token").write_text(token(site, "program", "--room", "newbox") + "\n")
    site.manage("chat_send", "-q", "--name", "Bot", "newbox", "for the program")
    [program] = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.M | re.S)
    line = machine.first_line_with([sys.executable, "-c", machine.here(program)], "for the program")
    assert line == "Bot: for the program\n"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, marks=[pytest.mark.runchat("its own socket")] if "--unix-socket" in line else [])
        for line in ONCE
    ],
)
def test_a_line_of_another_document_works_with_nothing_but_curl(site: ChatSite, machine: Machine, line: str) -> None:
    machine.has_token("newbox", "ops")
    if FOLLOWING.match(line):
        assert hears(site, machine, line)
        return
    done = machine.run(line)
    assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
    assert json.loads(done.stdout).get("type") != "error"


@pytest.mark.parametrize("line", FOR_CRON, ids=lambda line: line[-60:])
def test_a_line_for_cron_runs_twice_prints_nothing_and_is_one_message(
    site: ChatSite, machine: Machine, line: str
) -> None:
    machine.has_token("ops")
    before = len(in_the_log(site, "ops"))
    for _ in range(2):
        done = machine.run(*as_cron_reads(line))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(in_the_log(site, "ops")) == before + 1
    refused = Machine(site, machine.home)
    (machine.home / ".netrc").write_text(f"machine {site.host} login token password rl_wrong\n")
    done = refused.run(*as_cron_reads(line))
    assert (done.returncode, done.stdout) == (22, "")
    assert "401" in done.stderr


def test_there_are_lines_for_cron_and_in_the_readme() -> None:
    assert len(FOR_CRON) == 2
    assert len(ONCE) >= 3
    assert not [line for line in ONCE + FOR_CRON if "rl_" in line], "a token in a command line is everybody's"
