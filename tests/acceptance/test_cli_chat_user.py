"""Every flag and every exit code of `chat_user` in real processes; questions on a terminal; a run that is killed."""

import os
import pty
import re
import select
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import load_command_class

from chatcli.subparsers import SubcommandsParser
from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import _read_all, on_terminal
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow

PEOPLE = """
from django.contrib.auth import get_user_model
from chatcore import services as s
from chatcore.actors import actor_for
make = get_user_model().objects.create_user
alice = actor_for(make("alice", first_name="Alice"))
for name in ("bob", "carol", "dave", "erin"): make(name)
make("root", is_superuser=True)
s.create_room("newbox", owner="dave")
s.post_messages([s.Post("newbox", "hers", alice)])
"""
MOMENT = r"\w{3} \d+ \w{3}( \d{4})? \d\d:\d\d \S+ \(in .+\)"


class Case(NamedTuple):
    """A command line, and patterns of all that it prints. `{folder}`: where the password is."""

    line: str
    out: str = ""
    code: int = 0
    error: str = ""
    stdin: str | None = None


CASES = [
    Case("create frank --password-file {folder}/secret --email frank@example.org", "Created user frank\n"),
    Case(
        "create grace --password-file - --json", r'\{"status":"created",.*"can_sign_in":true\}\}\n',
        stdin="long enough, and odd\n",
    ),
    Case("create heidi -v 1", "Created user heidi, who cannot sign in yet: ./manage.py changepassword heidi\n"),
    Case("create -q ivan"),
    Case("create frank", "", 4, "CommandError: user frank exists: choose another name\n"),
    Case("create judy --password-file {folder}/none", "", 2, "CommandError: .*/none cannot be read: .*\n"),
    Case("create judy --password-file -", "", 2, "CommandError: standard input must hold the password .*\n", ""),
    Case("list alice --no-color", "alice\tAlice\t\t\t\t\n"),
    Case("list --json -v 2", r'(\{"id":"\d+","name":"\w+",.*"sanctions":\[\]\}\n){10}'),
    Case("list -q"),
    Case("list alcie", "", 3, "CommandError: no user alcie; did you mean alice.*\n"),
    Case("mute alice bob --until 2h --reason loud", f"alice is muted until {MOMENT}\nbob is muted until {MOMENT}\n"),
    Case("mute alcie", "", 3, "CommandError: no user alcie; did you mean alice.*\n"),
    Case("mute alice --until yesterday", "", 2, "usage: .*error: argument --until: 'yesterday' is no time.*\n"),
    Case("--json unmute alice", r'\{"status":"unmuted","user":"alice"\}\n'),
    Case("unmute alice --verbosity 0"),
    Case("ban carol --reason spam --json", r'\{"status":"banned","user":"carol","until":null,"reason":"spam"\}\n'),
    Case("ban carol --until 1d --quiet"),
    Case("ban root carol", "carol is banned .*\n", 4, "root: root is a superuser, .*\nCommandError: 1 of 2 failed\n"),
    Case("unban carol --force-color", "carol is no longer banned\n"),
    Case("unban carol", "carol is not banned\n"),
    Case(
        "export alice --settings chatproject.settings --pythonpath {folder}",
        r'\{"type":"account",.*"message":"hers",.*\}\n',
    ),
    Case("export alice --json -q", "", 2, "CommandError: -q prints nothing, and an export is what is printed: .*\n"),
    Case("export alcie --traceback", "", 3, "Traceback .*UserNotFound: no user alcie; did you mean alice.*"),
    Case("erase bob", "", 2, "CommandError: this cannot be undone: write --confirm bob, or --no-input\n"),
    Case("erase bob --confirm bbo", "", 2, "CommandError: 'bbo' is not bob: nothing was done\n"),
    Case("erase bob --confirm bob", r"Erased bob: 0 messages emptied, the account is deleted-\d+ now\n"),
    Case(
        "erase dave --no-input --json", r'\{"status":"erased",.*"ownerless":\["newbox"\]\}\n', 0,
        "Warning: room newbox has no owner any more: .*\n",
    ),
    Case("erase erin --no-input -q"),
    Case("erase root --no-input", "", 4, "CommandError: root is a superuser, .*\n"),
    Case("kick alice", "", 2, "usage: .*error: no subcommand kick: there are create, list, .*\n"),
    Case("list --until 2h", "", 2, "usage: .*error: --until is an option of mute and ban, and not of this\n"),
    Case("", "", 2, "usage: .*error: which one\\? create, list, mute, .*\n"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    (folder / "secret").write_text("long enough, and odd")
    return folder


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    """Data without a server."""
    site = ChatSite()
    assert site.manage("migrate", "-v0").returncode == 0
    assert site.manage("shell", "-v0", "-c", PEOPLE).returncode == 0
    yield site
    site.close()


def test_every_command_line_does_what_it_says(site: ChatSite, folder: Path) -> None:
    """One after the other: the people of one case are those of the next."""
    for case in CASES:
        words = case.line.replace("{folder}", str(folder)).split()
        done = site.manage("chat_user", *words, input=case.stdin)
        assert done.returncode == case.code, (case, done.stdout, done.stderr)
        assert re.fullmatch(case.out, done.stdout, re.DOTALL), (case, done.stdout, done.stderr)
        assert re.fullmatch(case.error, done.stderr, re.DOTALL), (case, done.stderr)


def test_every_flag_of_every_subcommand_is_in_a_case() -> None:
    parser = load_command_class("chatcli", "chat_user").create_parser("manage.py", "chat_user")
    assert isinstance(parser, SubcommandsParser)
    common = set.intersection(*(set(parser.page(name)._option_string_actions) for name in parser.names))
    used = {word for case in CASES for word in case.line.split()} | {"-h", "--help", "--version"}
    for name in parser.names:
        own = {word for case in CASES if name in case.line.split() for word in case.line.split()} | {"-h"}
        for action in parser.page(name)._actions:
            names = set(action.option_strings)
            assert not names or names & (used if names & common else own), (name, action.option_strings)
    assert {case.code for case in CASES} == {0, 2, 3, 4}


@pytest.mark.parametrize(
    ("line", "answers", "code", "said"),
    [
        ("erase alice", ["alcie"], 2, "nothing was done"),
        ("erase alice", ["alice"], 0, "Erased alice: 1 message emptied"),
        ("create kim --password-file -", ["long and odd 1", "long and odd 2"], 2, "two different passwords"),
        ("create kim --password-file -", ["long and odd 1", "long and odd 1"], 0, "Created user kim"),
    ],
)
def test_on_a_terminal_it_asks(site: ChatSite, line: str, answers: list[str], code: int, said: str) -> None:
    ended, seen = answered(site, line.split(), answers)
    assert ended == code, seen
    assert said in seen
    assert "long and odd" not in seen


def test_a_table_of_hostile_names_is_harmless_on_a_terminal_with_colours(site: ChatSite) -> None:
    texts = [text[:150] for text in HOSTILE.values()]
    code = f"""
from django.contrib.auth import get_user_model
for number, text in enumerate({texts!r}):
    get_user_model().objects.create(username=f"{{number}} {{text}}"[:150], first_name=text)
"""
    assert site.manage("shell", "-v0", "-c", code).returncode == 0
    env = {**site.env, "TERM": "xterm-256color", "NO_COLOR": "", "FORCE_COLOR": ""}
    ended, seen = on_terminal(site.command("chat_user", "list"), env, columns=200)
    assert ended == 0
    assert not [character for character in FORBIDDEN if character in re.sub(r"\x1b\[[0-9;]*m", "", seen)]


def answered(site: ChatSite, arguments: Sequence[str], answers: Sequence[str]) -> tuple[int, str]:
    """Run `chat_user` on a terminal and answer each of its questions; the exit code and what is to be seen there."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = site.command("chat_user", *arguments)
        os.execve(command[0], command, site.env)
    try:
        seen = b""
        for answer in answers:
            asked = len(seen)
            while not seen[asked:].endswith(b": "):
                assert select.select([terminal], [], [], DEADLINE_S)[0], seen
                seen += os.read(terminal, 65536)
            os.write(terminal, f"{answer}\n".encode())
        seen += _read_all(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()
    finally:
        os.close(terminal)


def test_an_erasing_that_was_killed_is_finished_by_the_next() -> None:
    code = """
from django.contrib.auth import get_user_model
from chatcore import services as s
from chatcore.actors import actor_for
mallory = actor_for(get_user_model().objects.create_user("mallory"))
s.create_room("newbox")
for _ in range(20): s.post_messages([s.Post("newbox", f"x", mallory) for _ in range(250)])
"""
    left = "from chatcore.models import Message as m; print(m.objects.exclude(text='').count())"
    site = ChatSite()
    try:
        site.manage("migrate", "-v0")
        assert site.manage("shell", "-v0", "-c", code).returncode == 0
        process = site.popen("chat_user", "erase", "mallory", "--no-input")
        wait_until(lambda: int(site.manage("shell", "-v0", "-c", left).stdout) < 5000, "the first batch")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = site.manage("chat_user", "erase", "mallory", "--no-input")
        assert done.returncode in (0, 3), done.stderr  # 3: the first run was through already
        assert site.manage("shell", "-v0", "-c", left).stdout.strip() == "0"
        shown = site.manage("chat_tail", "newbox", "-n5", "--no-follow", "--json").stdout
        assert shown.count('"username":"deleted user"') == 5
    finally:
        site.close()


PERSONS = """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    {field}
"""


@pytest.mark.parametrize(
    ("field", "names", "address"),
    [
        ("", ("alice", "bob"), "alice@example.org"),
        ("username = None; USERNAME_FIELD = 'email'; REQUIRED_FIELDS = []", ("a@example.org", "b@example.org"), ""),
    ],
    ids=["each address but once", "whose names are addresses"],
)
def test_people_of_a_site_with_accounts_of_its_own(field: str, names: tuple[str, str], address: str) -> None:
    site = ChatSite(migrated=False)
    try:
        (site.var_dir / "persons").mkdir()
        (site.var_dir / "persons" / "__init__.py").touch()
        (site.var_dir / "persons" / "models.py").write_text(PERSONS.format(field=field))
        (site.var_dir / "persons" / "site.py").write_text(
            "from chatproject.settings import *\nINSTALLED_APPS += ['persons']\nAUTH_USER_MODEL = 'persons.Person'\n"
        )
        site.env |= {"DJANGO_SETTINGS_MODULE": "persons.site", "PYTHONPATH": str(site.var_dir)}
        lines = [["makemigrations", "persons", "-v0"], ["migrate", "-v0"], ["create_room", "newbox"]]
        for name in names:
            email = ["--email", address.replace("alice", name)] if address else []
            lines += [["chat_user", "create", name, *email], ["chat_send", "newbox", "--as", name, "hello"]]
        lines += [["chat_user", "erase", name, "--no-input"] for name in names]
        for line in lines:
            done = site.manage(*line)
            assert done.returncode == 0, done.stderr
        listed = site.manage("chat_user", "list")
        assert listed.stdout.count("deleted-") == 4
        assert "example.org" not in listed.stdout
        if not address:
            done = site.manage("chat_user", "create", "c@example.org", "--email", "d@example.org")
            assert (done.returncode, done.stdout) == (2, "")
            assert "the name is the address" in done.stderr
    finally:
        site.close()
