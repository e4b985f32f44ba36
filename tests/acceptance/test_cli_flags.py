"""Every flag and every exit code of `chat_send`, `chat_tail` and `chat_bench`, in real processes beside a server.

Deaths by a signal are in test_cli_shell.py. What `call_command` gives is in integration/test_cli_exit_codes.py.
"""

import fcntl
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import load_command_class

from chatcli.locks import try_lock
from tests.acceptance.site import ChatSite

pytestmark = pytest.mark.slow

#: Rooms with five messages each, of which the first is alice's, and a scheduled message, whose id is printed.
ROOMS = """
from datetime import timedelta
from django.contrib.auth import get_user_model
from django.utils import timezone
from chatcore import services as s
from chatcore.actors import actor_for, bot
alice = actor_for(get_user_model().objects.create(username="alice"))
for room in ("one", "two", "three", "read"):
    s.create_room(room)
    posts = [s.Post(room, "first", alice, priority=4, tags=("db", "disk"), title="Alarm")]
    posts += [s.Post(room, text, bot("cron"), kind="notice") for text in ("second", "third", "fourth", "fifth")]
    assert not [posted for posted in s.post_messages(posts) if isinstance(posted, Exception)]
print(s.schedule_messages([s.Post("one", "later", bot("cron"))], timezone.now() + timedelta(hours=1))[0].id)
"""
HOUR = r"for \w{3} \d+ \w{3}( \d{4})? \d\d:\d\d \S+ \(in .+\)"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"


class Case(NamedTuple):
    """A command line, blanks between its words (those with blanks are in a list), and what becomes of it.

    `out` and `error` are patterns of all that is printed. `{later}` is the scheduled message, `{folder}` a folder.
    """

    line: str | list[str]
    out: str = ""
    code: int = 0
    error: str = ""
    stdin: str | None = None

    @property
    def words(self) -> list[str]:
        return self.line.split() if isinstance(self.line, str) else self.line


TOO_LONG = "x" * 4001
SENT = [
    Case(
        "chat_send one,two hello --as alice --kind message -p high --title T --tag a --tag b --link https://e.example/ "
        "--format markdown --expire 2h --json --wait pushed --timeout 20",
        r'(\{"status":"sent","live":"pushed","delivered":0,"seen":null,"message":\{"type":"message","room":"(one|two)",'
        r'"id":"[^"]+","seq":6,"rev":6,"kind":"message","message":"hello","username":"alice",.*"title":"T","priority":4,'
        r'"tags":\["a","b"\],"format":"markdown","url":"https://e.example/",.*"expires_at":"2.*\}\}\n){2}',
    ),
    Case("chat_send made --create --name deploy --key 817 --retry 0 hello -v 1", "made #1\n"),
    Case("chat_send made hello --name deploy --key 817", r"made #1 \(already sent\)\n"),
    Case("chat_send one --slot disk --once 1h full", "one #7\n"),
    Case("chat_send one --reply-to 1 --truncate --file {folder}/long.txt --verbosity 0"),
    Case("chat_send one -", "one #9\n", stdin="a\nb\n"),
    Case("chat_send one --edit 9 corrected", r"one #9 \(edited\)\n"),
    Case("chat_send one --delete 9 -n", r"one #9 \(dry run.*\)\n"),
    Case(
        "chat_send three --lines --keep-going", r"three #6\.\.#7 \(2 sent\)\n", 4,
        "line 2: .*4000.*\nCommandError: 1 line was refused, .*\n", f"a\n{TOO_LONG}\nb\n",
    ),
    Case("chat_send three --jsonl -q", stdin='{"message": "x", "priority": 5}\n'),
    Case("chat_send --all --banner moving", r"(\w+ #\d+\n){5}"),
    Case("chat_send --all --banner --clear", r"(\w+ #\d+ .*\n){5}"),
    Case("chat_send one --at 2099-12-31 --no-color happy", rf"scheduled one \S+ {HOUR}\n"),
    Case("chat_send one --in 1h --force-color tea", rf"scheduled one \S+ {HOUR}\n"),
    Case("chat_send --cancel {later}", rf"cancelled one {{later}}, which was {HOUR}\n"),
    Case("chat_send --schema --settings chatproject.settings --pythonpath {folder}", r"\{\n.*\n\}\n"),
    Case(
        ["chat_send", "two", "job", "--run", "--on", "always", "--tail-lines", "1", "--", "sh", "-c", "kill -9 $$"],
        "two #8\n", 137,
    ),
    Case("chat_send noe --traceback hello", "", 3, "Traceback .*RoomNotFound: no room noe; did you mean one.*"),
    Case(
        "chat_send one hi --server http://127.0.0.1:9 --token-file {folder}/token --retry 0", "", 5,
        "CommandError: http://127.0.0.1:9 cannot be reached: .*\n",
    ),
    Case("chat_send one hi --socket {folder}/no.sock --retry 0", "", 5, "CommandError: no server listens at .*\n"),
    Case("chat_send one --tittle x", "", 2, "usage: .*error: no option --tittle .did you mean --title.*\n"),
]  # fmt: skip
TAILED = [
    Case(
        "chat_tail read two --no-follow -n all --author alice --kind message --min-priority 4 --tag disk --grep ^fir "
        "--exclude sec -o text --timestamps iso --utc --prefix --no-color -v 2 --settings chatproject.settings "
        "--pythonpath {folder}",
        "".join(rf"{STAMP} {room} #1 alice: \[high\] Alarm: first \[db\] \[disk\]\n" for room in ("two", "read")),
    ),
    Case(
        "chat_tail read --no-follow --since 1h --until 2099-01-01 --timestamps none --no-prefix --lines 1 "
        "--force-color",
        r"\x1b\[2m#5 \x1b\[0m\x1b\[36mcron\x1b\[0m: fifth\n",
    ),
    Case("chat_tail --all --template {seq}/{username} --count 1 --grep ^second$", "2/cron\n"),
    Case(
        "chat_tail read --after 3 --cursor-file {folder}/cursor --events changes --count 1 --json",
        r'\{"type":"message","room":"read",.*"seq":4,.*\}\n',
    ),
    Case(
        "chat_tail read --cursor-file {folder}/cursor -n 0 --poll 0.01 --idle 0.3 --timeout 60 -q", "", 124,
        "CommandError: .*--idle.*\n",
    ),
    Case(["chat_tail", "read", "-n2", "--count", "2", "--exec", "echo $CHATMSG_SEQ $(wc -l)"], "4 1\n5 1\n"),
    Case(
        ["chat_tail", "read", "--exec-retries", "0", "--exec", "exit 9", "--traceback"], "", 1,
        "Traceback .*CommandError: --exec failed .* 9, for read #1.*\n",
    ),
    Case(
        "chat_tail read --no-follow --server http://127.0.0.1:9 --token-file {folder}/token", "", 5,
        "CommandError: http://127.0.0.1:9 cannot be reached: .*\n",
    ),
    Case("chat_tail read --no-follow --socket {folder}/no.sock", "", 5, "CommandError: no server listens at .*\n"),
    Case("chat_tail read --cursor-file {folder}/held", "", 5, "CommandError: cursor file .*/held is in use.*\n"),
]  # fmt: skip
BENCHED = [
    Case(
        "chat_bench read --clients 3 --messages 6 --rate 60 --as alice --json --force-color",
        r'\{"room":"read","clients":3,"messages":6,"rate":60.0,"sent":6,"stored":6,"deliveries":18,.*"lost":0,.*\}\n',
        0,
        r"6 messages go into read .*\n",
    ),
    Case("chat_bench read -q --clients 2 --messages 2 --settings chatproject.settings --pythonpath {folder}"),
    Case(
        "chat_bench reed --traceback -v 2 --no-color",
        "",
        3,
        "Traceback .*RoomNotFound: no room reed; did you mean read.*",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A long text, a token that nobody knows, and a cursor file that somebody has: us."""
    folder = tmp_path_factory.mktemp("flags")
    (folder / "token").write_text("rl_unknown")
    (folder / "token").chmod(0o600)
    (folder / "long.txt").write_text(TOO_LONG)
    with (folder / "held.lock").open("w") as lock:
        assert try_lock(lock.fileno(), fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="module")
def later(shared_site: ChatSite) -> str:
    """The id of a scheduled message; the rooms are there."""
    done = shared_site.manage("shell", "-v0", "-c", ROOMS)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("case", [*TAILED, *SENT, *BENCHED], ids=lambda case: " ".join(case.words)[:60])
def test_a_command_line_does_what_it_says(shared_site: ChatSite, folder: Path, later: str, case: Case) -> None:
    def filled(text: str) -> str:
        return text.replace("{later}", later).replace("{folder}", str(folder))

    done = shared_site.manage(*map(filled, case.words), input=case.stdin)
    assert done.returncode == case.code, (done.stdout, done.stderr)
    assert re.fullmatch(filled(case.out), done.stdout, re.DOTALL), (done.stdout, done.stderr)
    assert re.fullmatch(filled(case.error), done.stderr, re.DOTALL), done.stderr


@pytest.mark.parametrize(("name", "cases"), [("chat_send", SENT), ("chat_tail", TAILED), ("chat_bench", BENCHED)])
def test_every_flag_is_in_a_case(name: str, cases: list[Case]) -> None:
    parser = load_command_class("chatcli", name).create_parser("manage.py", name)
    used = {word for case in cases for word in case.words} | {"-h", "--version"}  # these two end it
    unused = [action.option_strings for action in parser._actions if used.isdisjoint(action.option_strings)]
    assert [names for names in unused if names] == []


def test_every_exit_code_is_in_a_case() -> None:
    assert {case.code for case in (*SENT, *TAILED)} >= {0, 1, 2, 3, 4, 5, 124, 137}
