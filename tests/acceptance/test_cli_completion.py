"""completion.bash in a real, interactive bash: what stands on the line after a TAB."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import PROJECT, ChatSite
from tests.waiting import DEADLINE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here"),
]
SCRIPT = PROJECT / "chatcli" / "completion.bash"
#: Control-G prints the line that is being typed, between signs that no test types.
SHOW_LINE = r"""bind -x '"\C-g": printf "«%s»" "$READLINE_LINE"'"""


class Shell:
    """bash on a terminal, in the folder of the project, with completion.bash."""

    def __init__(self, env: dict[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(PROJECT)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 2000, 0, 0))
        self._seen = ""
        self._write(f"source {SCRIPT}; bind 'set bell-style none'; {SHOW_LINE}; echo re''ady\n")
        self._until("ready\r\n")

    def close(self) -> None:
        os.close(self._terminal)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def completed(self, line: str) -> str:
        """What the line is after a TAB."""
        return self._after(line, "\t")

    def candidates(self, line: str) -> list[str]:
        """All that a TAB would offer, as readline inserts them."""
        return self._after(line, "\x1b*").removeprefix(line[: line.rindex(" ") + 1]).split()

    def _after(self, line: str, keys: str) -> str:
        self._write(f"\x15{line}{keys}\x07")  # Control-U first: away with the last line
        self._until("«")
        return self._until("»")

    def _write(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _until(self, mark: str) -> str:
        """What comes before the mark."""
        deadline = time.monotonic() + DEADLINE_S
        while mark not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {mark!r} in {self._seen!r}"
            self._seen += os.read(self._terminal, 65536).decode()
        before, _, self._seen = self._seen.partition(mark)
        return before


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server, with some rooms and users."""
    site = ChatSite(env={"TERM": "dumb", "LC_ALL": "C.UTF-8", "HOME": str(PROJECT), "HISTFILE": "/dev/null"})
    site.env["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    script = "from chatcore import services as s\nfrom django.contrib.auth import get_user_model as model\n"
    script += "[s.create_room(name) for name in ('newbox', 'ops', 'ops-db', 'Übung')]\n"
    script += "[model().objects.create(username=name) for name in ('bob@example.org', 'o\\'neil $(x)', 'two\\nlines')]"
    try:
        for line in (["migrate", "-v0"], ["shell", "-v0", "-c", script]):
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        yield site
    finally:
        site.close()


@pytest.fixture(scope="module")
def shell(site: ChatSite) -> Iterator[Shell]:
    shell = Shell(site.env)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("./manage.py chat_s", "./manage.py chat_send "),
        ("./manage.py chat_send n", "./manage.py chat_send newbox "),
        ("cd /; ~/manage.py chat_send ops,new", "cd /; ~/manage.py chat_send ops,newbox "),
        ("python manage.py chat_tail -q Ü", "python manage.py chat_tail -q Übung "),
        ("./manage.py chat_send --as bob@", "./manage.py chat_send --as bob@example.org "),
        ("./manage.py chat_send --as=o", "./manage.py chat_send --as=o\\'neil\\ \\$\\(x\\) "),
        ("./manage.py chat_send newbox - < READ", "./manage.py chat_send newbox - < README.md "),
        ("python READ", "python README.md "),
        ("./manage.py chat_rooms sh", "./manage.py chat_rooms show "),
        (
            "./manage.py chat_rooms -q members newbox --add bob@",
            "./manage.py chat_rooms -q members newbox --add bob@example.org ",
        ),
        ("./manage.py chat_rooms import READ", "./manage.py chat_rooms import README.md "),
        ("./manage.py chat_send $(touch x) n", "./manage.py chat_send $(touch x) n"),
    ],
)
def test_tab_completes(shell: Shell, line: str, completed: str) -> None:
    assert shell.completed(line) == completed


def test_tab_offers_all_that_may_come(shell: Shell) -> None:
    assert shell.candidates("./manage.py chat_tail ") == ["newbox", "ops", "ops-db", "Übung"]


def test_names_that_a_terminal_cannot_show_are_not_offered(shell: Shell) -> None:
    assert shell.candidates("./manage.py chat_send --as t") == ["t"]


def test_whatever_is_wrong_tab_says_nothing(site: ChatSite) -> None:
    shell = Shell({**site.env, "DATABASE_URL": "nonsense://"})
    try:
        assert shell.completed("./manage.py chat_send n") == "./manage.py chat_send n"
    finally:
        shell.close()
