"""Every flag and every exit code of `chat_prune`, `chat_backup` and `chat_restore`, in real processes without a server.

What a running server changes is in test_restore.py.
"""

import fcntl
import os
import pty
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import load_command_class

from tests.acceptance.site import ChatSite
from tests.acceptance.test_cli_flags import Case
from tests.waiting import DEADLINE_S

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("its file is saved and put back")]

#: Rooms with three messages of last year each, of which newbox keeps none, and a message that is due.
ROOMS = """
from datetime import timedelta
from django.utils import timezone
from chatcore import services as s
from chatcore.models import Message, Scheduled
from chatcore.actors import bot
for room in ("newbox", "ops"):
    s.create_room(room, retention=timedelta(days=30) if room == "newbox" else None)
    s.post_messages([s.Post(room, text, bot("cron")) for text in "abc"])
Message.objects.update(created_at=timezone.now() - timedelta(days=365))
s.schedule_messages([s.Post("ops", "later", bot("cron"))], timezone.now() + timedelta(hours=1))
Scheduled.objects.update(due_at=timezone.now())
"""
PRUNED = [
    Case("chat_prune --dry-run -v 2 --settings chatproject.settings", "newbox: 3 messages would be pruned\n"),
    Case(
        "chat_prune -n --deliver --json --pythonpath {folder}",
        r'\{"room":"newbox","messages":3,"rows":0\}\n\{"status":"dry-run","messages":3,.*"delivered":1,.*\}\n',
    ),
    Case("chat_prune -n -q"),
    Case("chat_prune -n --verbosity 0"),
    Case("chat_prune --dry-run --skip-if-locked --no-color", "newbox: 3 messages would be pruned\n"),
    Case("chat_prune --force-color", "newbox: 3 messages pruned\n"),
    Case("chat_prune --deliver --traceback", "1 scheduled message sent\n"),
    Case("chat_prune --quiet"),
    Case("chat_prune newbox", "", 2, "usage: .*unrecognized arguments: newbox\n"),
    Case("chat_prune --dry", "", 2, "usage: .*no option --dry .*\n"),
]
SAVED = [
    Case("chat_backup {folder}/copy --no-color", r"Saved \S+/copy: 2 rooms, \d messages, \S+ kB\n"),
    Case("chat_backup {folder}/copy", "", 4, "CommandError: .*/copy exists: .* --force .*\n"),
    Case("chat_backup --force {folder}/copy -q --settings chatproject.settings --pythonpath {folder}"),
    Case(
        "chat_backup --force {folder}/copy --json", r'\{"status":"saved","path":".*/copy","bytes":\d+,"rooms":2,.*\}\n'
    ),
    Case("chat_backup {folder} -v 2 --force-color", r"Saved \S+/chat-\d{8}-\d{6}\.sqlite3: .*\n"),
    Case("chat_backup {folder}/none/copy", "", 2, "CommandError: no folder .*/none: make it first\n"),
    Case("chat_backup {folder}/held", "", 5, "CommandError: another backup is being written to .*\n"),
    Case("chat_backup /proc/copy", "", 1, "CommandError: nothing was changed: /proc cannot be written .*\n"),
    Case("chat_backup {folder}/copy --traceback", "", 4, "Traceback .*Conflict.*"),
    Case("chat_backup", "", 2, "usage: .*PATH\n"),
]
RESTORED = [
    Case("chat_restore {folder}/copy", "", 2, "CommandError: .*--no-input .*\n"),
    Case("chat_restore {folder}/none --no-input", "", 2, "CommandError: no such file: .*/none\n"),
    Case("chat_restore {folder}/newer --no-input", "", 4, "CommandError: .* newer version .*\n"),
    Case(
        "chat_restore {folder}/copy --no-input --no-color -v 1",
        r"Restored 2 rooms and \d messages; what was there before is in \S+\.before-restore-[\d-]+\n",
    ),
    Case(
        "chat_restore --no-input --json {folder}/copy --settings chatproject.settings --pythonpath {folder}",
        r'\{"status":"restored","before":".*","rooms":2,"messages":\d\}\n',
    ),
    Case("chat_restore {folder}/copy -q --no-input --force-color"),
    Case("chat_restore {folder}/none --traceback --no-input", "", 2, "Traceback .*BadRequest.*"),
]
CASES = [*PRUNED, *SAVED, *RESTORED]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatSite]:
    """Data without a server."""
    site = ChatSite()
    for line in (["migrate", "-v0"], ["shell", "-v0", "-c", ROOMS]):
        done = site.manage(*line)
        assert done.returncode == 0, done.stderr
    yield site
    site.close()


@pytest.fixture(scope="module")
def folder(site: ChatSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where backups go: one is being written, one is of a later version."""
    folder = tmp_path_factory.mktemp("backups")
    assert site.manage("chat_backup", "-q", str(folder / "newer")).returncode == 0
    with closing(sqlite3.connect(folder / "newer")) as opened, opened:
        opened.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('chatcore', '9999_x', '2030')")
    with (folder / "held.partial").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.words)[:60])
def test_a_command_line_does_what_it_says(site: ChatSite, folder: Path, case: Case) -> None:
    done = site.manage(*(word.replace("{folder}", str(folder)) for word in case.words))
    assert done.returncode == case.code, (done.stdout, done.stderr)
    assert re.fullmatch(case.out, done.stdout, re.DOTALL), (done.stdout, done.stderr)
    assert re.fullmatch(case.error, done.stderr, re.DOTALL), done.stderr


def test_two_runs_never_overlap(site: ChatSite) -> None:
    with (site.var_dir / "chat.sqlite3.prune").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused, skipped = site.manage("chat_prune"), site.manage("chat_prune", "-q", "--skip-if-locked")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert refused.stderr == "CommandError: another process prunes this database: nothing was done, try again later\n"
    assert (skipped.returncode, skipped.stdout, skipped.stderr) == (0, "", "")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("YES", 0), ("", 4), ("no", 4)])
def test_on_a_terminal_it_asks(site: ChatSite, tmp_path: Path, answer: str, code: int) -> None:
    assert site.manage("chat_backup", "-q", str(tmp_path / "copy")).returncode == 0
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = site.command("chat_restore", str(tmp_path / "copy"))
    done = subprocess.run(
        command, stdin=theirs, capture_output=True, env=site.env, cwd="/", timeout=DEADLINE_S, text=True, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == code, done.stderr
    assert "Replace " in done.stderr
    assert done.stderr.endswith("[y/N] " if code == 0 else "[y/N] CommandError: nothing was changed\n")
    assert bool(done.stdout) == (code == 0)


def test_postgresql_is_left_to_its_own_programs(site: ChatSite, tmp_path: Path) -> None:
    env = {"DATABASE_URL": "postgres://chat:secret@db.example:5433/room"}
    pytest.importorskip("psycopg")
    dump = site.manage("chat_backup", str(tmp_path / "a b"), env=env)
    where = "--host=db.example --port=5433 --username=chat --dbname=room"
    assert (dump.returncode, dump.stdout) == (0, f"pg_dump --format=custom {where} '--file={tmp_path}/a b'\n")
    quiet = site.manage("chat_backup", "-q", str(tmp_path), env=env)
    assert (quiet.returncode, quiet.stdout) == (1, "")
    load = site.manage("chat_restore", "--no-input", str(tmp_path / "a b"), env=env)
    assert (load.returncode, load.stdout) == (1, "")
    assert f"pg_restore --clean --if-exists --no-owner {where} '{tmp_path}/a b'" in load.stderr
    assert "new-epoch --all" in load.stderr
    assert "secret" not in dump.stdout + dump.stderr + quiet.stderr + load.stderr


@pytest.mark.parametrize(
    ("name", "cases"), [("chat_prune", PRUNED), ("chat_backup", SAVED), ("chat_restore", RESTORED)]
)
def test_every_flag_is_in_a_case(name: str, cases: list[Case]) -> None:
    parser = load_command_class("chatcli", name).create_parser("manage.py", name)
    used = {word for case in cases for word in case.words} | {"-h", "--version"}  # these two end it
    unused = [action.option_strings for action in parser._actions if used.isdisjoint(action.option_strings)]
    assert [names for names in unused if names] == []


def test_every_exit_code_is_in_a_case() -> None:
    assert {case.code for case in CASES} == {0, 1, 2, 4, 5}  # 3 is for rooms, messages and users
