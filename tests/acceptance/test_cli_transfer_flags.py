"""Every flag and every exit code of `chat_rooms export` and `import`, in real processes. No server runs."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management import load_command_class

from chatcli.subparsers import SubcommandsParser
from tests.acceptance.site import ChatSite
from tests.acceptance.test_cli_flags import Case
from tests.acceptance.test_cli_transfer import counted, data_alone, room_lines

CASES = [
    Case("chat_rooms import {folder}/two.jsonl", "", 3, r"CommandError: no accounts user1, user2: .*--create-users\n"),
    Case(
        "chat_rooms import --json {folder}/two.jsonl --create-users",
        r'\{"status":"imported","room":\{"name":"newbox","first_seq":1,"last_seq":2\},"messages":2,'
        r'"created":\["user1","user2"\]\}\n',
    ),
    Case("chat_rooms -q import {folder}/two.jsonl --room quiet"),
    Case("chat_rooms import {folder}/two.jsonl --room=silent --verbosity 0"),
    Case("chat_rooms import {folder}/two.jsonl", "", 4, "CommandError: room newbox exists; .* --room\n"),
    Case("chat_rooms import - --room stdin", r"Imported room stdin #1\.\.#2 \(2 messages\)\n", stdin=room_lines(2)),
    Case("chat_rooms import -", "", 2, "CommandError: the file is empty: nothing was exported\n", stdin=""),
    Case("chat_rooms import -", "", 2, "CommandError: line 1: it is not JSON .*\n", stdin="no"),
    Case("chat_rooms import", "", 2, ".*FILE.*"),
    Case("chat_rooms import {folder}/two.jsonl --since 1h", "", 2, ".*--since is an option of export.*"),
    Case("chat_rooms export newbox", r'\{"type":"room","name":"newbox",.*\}\n(\{"type":"message".*\}\n){2}'),
    Case("chat_rooms export newbox --json --since 2026-11-22", r'\{"type":"room",.*\}\n(\{"type":"message".*\}\n){2}'),
    Case("chat_rooms export -v 3 newbox --since 1s", r'\{"type":"room",[^\n]*"first_seq":3,"last_seq":2,[^\n]*\}\n'),
    Case("chat_rooms export newbox --quiet", "", 2, "CommandError: -q prints nothing, .* leave it out\n"),
    Case("chat_rooms export newbax", "", 3, "CommandError: no room newbax; did you mean newbox.*\n"),
    Case("chat_rooms export newbox -n", "", 2, ".*no option -n.*"),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[ChatSite]:
    yield from data_alone()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.words)[11:70])
def test_a_command_line_does_what_it_says(shared: ChatSite, case: Case) -> None:
    (shared.var_dir / "two.jsonl").write_text(room_lines(2))
    words = [word.replace("{folder}", str(shared.var_dir)) for word in case.words]
    done = shared.manage(*words, input=case.stdin)
    assert done.returncode == case.code, (done.stdout, done.stderr)
    assert re.fullmatch(case.out, done.stdout, re.DOTALL), (done.stdout, done.stderr)
    assert re.fullmatch(case.error, done.stderr, re.DOTALL), done.stderr


@pytest.mark.slow
@pytest.mark.sqlite("a writer that locks the whole database")
def test_a_database_that_stays_locked_is_told_and_nothing_is_left(shared: ChatSite) -> None:
    before = counted(shared)
    with closing(sqlite3.connect(shared.var_dir / "chat.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        done = shared.manage("chat_rooms", "import", "-", "--room", "locked", input=room_lines(2))
    assert (done.returncode, done.stdout) == (5, "")
    assert "locked" in done.stderr
    assert counted(shared) == before


@pytest.mark.parametrize("name", ["export", "import"])
def test_every_flag_is_in_a_case(name: str) -> None:
    parser = load_command_class("chatcli", "chat_rooms").create_parser("manage.py", "chat_rooms")
    assert isinstance(parser, SubcommandsParser)
    used = {word.partition("=")[0] for case in CASES if name in case.words for word in case.words}
    common = {"-h", "--version", "-v", "--verbosity", "-q", "--json"}
    common |= {"--settings", "--pythonpath", "--traceback", "--no-color", "--force-color"}
    unused = [a.option_strings for a in parser.page(name)._actions if (used | common).isdisjoint(a.option_strings)]
    assert [names for names in unused if names] == []


def test_every_exit_code_is_in_a_case() -> None:
    assert {case.code for case in CASES} == {0, 2, 3, 4}  # 5 is a test of its own
