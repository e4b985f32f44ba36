"""Every flag and every exit code of `chat_rooms` in real processes; rooms that change and go while people are in them.

`export` and `import` are in test_cli_transfer.py.
"""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest
from django.core.management import load_command_class
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chatcli.subparsers import SubcommandsParser
from tests.acceptance.contents import answers
from tests.acceptance.site import ChatSite
from tests.acceptance.terminal import on_terminal
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.slow

PEOPLE = "from django.contrib.auth.models import User; [User.objects.create(username=n) for n in ('alice', 'bob')]"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"


class Case(NamedTuple):
    """A command line, and patterns of all that it prints."""

    line: str
    out: str = ""
    code: int = 0
    error: str = ""


CASES = [
    Case("list", "", 0, r"There are no rooms: create one by \./manage.py create_room NAME\n"),
    Case("list -q"),
    Case("set none title=x", "", 3, "CommandError: no room none; create it: .*\n"),
    Case("who --no-color", "", 0, "Nobody is in a room now\n"),
]
ROOMS = [
    Case("list --settings chatproject.settings", rf"newbox\t1\t0\t0\t{TIME}\t\tBox\nops\t0\t1\t0\t\tprivate\t\n"),
    Case("--json list --archived", r'(\{"name":"(newbox|ops)",.*"present":0\}\n){2}'),
    Case("show newbox --pythonpath /", rf"name\tnewbox\ntitle\tBox\n.*last message\t{TIME}\n"),
    Case("show nwebox", "", 3, "CommandError: no room nwebox; did you mean newbox.*\n"),
    Case("show", "", 2, "usage: .*chat_rooms show ROOM .*error: the following arguments are required: ROOM\n"),
    Case("set newbox topic=Things max-length=9 -v 2", "Updated room newbox: topic, max-length\n"),
    Case("set newbox size=9", "", 2, "usage: .*error: argument KEY=VALUE: there is no key 'size': .*\n"),
    Case("rename newbox inbox --verbosity 0"),
    Case("rename inbox ops", "", 4, "CommandError: room ops exists; choose another name, .*\n"),
    Case("-v 1 rename inbox newbox --force-color", "Renamed room inbox to newbox\n"),
    Case("archive newbox nope", "Archived room newbox\n", 3, "nope: no room nope; .*\nCommandError: 1 of 2 failed\n"),
    Case("list", "ops\t.*\n"),
    Case("restore newbox --json", r'\{"status":"restored","room":"newbox"\}\n'),
    Case("members ops --remove alice", "", 4, "CommandError: alice is the only owner of room ops: .*\n"),
    Case("members ops --add bob:owner --remove alice", "ops: bob is an owner now\nops: alice is no member any more\n"),
    Case("members ops", f"bob\towner\t{TIME}\n"),
    Case("who ops --json", "", 0, "Nobody is in ops now\n"),
    Case("new-epoch ops", "Room ops has a new epoch\n"),
    Case("new-epoch --all --quiet"),
    Case("new-epoch", "", 2, "CommandError: name rooms, or all of them by --all\n"),
    Case("delete ops", "", 2, "CommandError: this cannot be undone: write --confirm ops, or --no-input\n"),
    Case("delete ops --confirm opps", "", 2, "CommandError: 'opps' is not ops: nothing was done\n"),
    Case("delete ops --confirm ops", "Deleted room ops with 0 messages\n"),
    Case("delete newbox --no-input --json", r'\{"status":"deleted","room":"newbox","messages":1\}\n'),
    Case("delete newbox --no-input --traceback", "", 3, "Traceback .*RoomNotFound: no room newbox.*"),
    Case("", "", 2, "usage: .*error: which one. list, show, .*new-epoch\n"),
    Case("lsit", "", 2, "usage: .*error: no subcommand lsit: did you mean list.\n"),
    Case("list --confirm x", "", 2, "usage: .*error: --confirm is an option of delete, and not of this\n"),
]


@pytest.fixture
def bare() -> Iterator[ChatSite]:
    """Data without a server."""
    site = ChatSite({"TERM": "xterm-256color", "NO_COLOR": "1"})
    try:
        assert site.manage("migrate", "-v0").returncode == 0
        yield site
    finally:
        site.close()


def test_every_command_line_does_what_it_says(bare: ChatSite) -> None:
    """One after the other: what one case makes of the rooms, the next one finds."""
    check(bare, CASES)
    assert bare.manage("shell", "-v0", "-c", PEOPLE).returncode == 0
    for line in ("create_room newbox --title Box", "create_room ops --private --owner alice", "chat_send newbox hi"):
        assert bare.manage(*line.split()).returncode == 0
    check(bare, ROOMS)


def check(site: ChatSite, cases: list[Case]) -> None:
    for case in cases:
        done = site.manage("chat_rooms", *case.line.split())
        assert done.returncode == case.code, (case, done.stdout, done.stderr)
        assert re.fullmatch(case.out, done.stdout, re.DOTALL), (case, done.stdout)
        assert re.fullmatch(case.error, done.stderr, re.DOTALL), (case, done.stderr)


def test_every_flag_of_every_subcommand_and_every_exit_code_is_in_a_case() -> None:
    parser = load_command_class("chatcli", "chat_rooms").create_parser("manage.py", "chat_rooms")
    assert isinstance(parser, SubcommandsParser)
    words = [set(case.line.split()) for case in (*CASES, *ROOMS)]
    common = {name for action in parser._actions for name in action.option_strings}
    assert {name for name in common if name.startswith("--")} - set().union(*words) == {"--help", "--version"}
    for name in set(parser.names) - {"export", "import"}:
        used = set().union(*(line for line in words if name in line))
        assert used, name
        own = [action.option_strings for action in parser.page(name)._actions if action.option_strings]
        assert [names for names in own if used.isdisjoint(names) and common.isdisjoint(names)] == [], name
    assert {case.code for case in (*CASES, *ROOMS)} == {0, 2, 3, 4}


def test_hostile_text_in_a_room_stays_in_its_cell_on_a_terminal(bare: ChatSite) -> None:
    script = f"from chatcore.models import Room\nfor n, t in enumerate({list(HOSTILE.values())!r}):"
    script += "  Room.objects.create(name=f'room-{n}', name_key=f'room-{n}', title=t[:200], topic=t[:1000])"
    assert bare.manage("shell", "-v0", "-c", script).returncode == 0
    code, output = on_terminal(bare.command("chat_rooms", "list"), bare.env)
    assert code == 0
    assert not [character for character in FORBIDDEN if character in output]
    begins = {line.split()[0] for line in output.split("\n") if line.strip()}
    assert begins == {"ROOM", *(f"room-{number}" for number in range(len(HOSTILE)))}
    code, output = on_terminal(bare.command("chat_rooms", "show", "room-0"), bare.env)
    assert code == 0
    assert not [character for character in FORBIDDEN if character in output]


def test_a_deletion_that_was_killed_is_finished_by_the_next(bare: ChatSite) -> None:
    script = "from chatcore import services as s\ns.create_room('big')\n"
    script += "for _ in range(40): s.post_messages([s.Post('big', 'x') for _ in range(500)])"
    assert bare.manage("shell", "-v0", "-c", script).returncode == 0
    assert left(bare) == 20_000
    process = bare.popen("chat_rooms", "delete", "big", "--no-input")
    wait_until(lambda: left(bare) < 20_000, "the first batch")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert left(bare) > 0
    assert bare.manage("chat_send", "big", "hello").returncode == 4
    assert bare.manage("chat_tail", "big", "--no-follow", "-n", "all").stdout == ""
    done = bare.manage("chat_rooms", "delete", "big", "--confirm", "big")
    assert (done.returncode, done.stderr) == (0, "")
    assert left(bare) == 0


def left(site: ChatSite) -> int:
    """How many messages there are."""
    return int(answers(site, "SELECT COUNT(*) FROM chatcore_message")[0][0][0])


def test_who_names_who_has_a_socket_and_a_room_that_is_deleted_is_gone_for_all(shared_site: ChatSite) -> None:
    site = shared_site
    (cookie,) = site.sign_in("alice")
    assert site.manage("create_room", "newbox").returncode == 0
    tail = site.popen("chat_tail", "newbox")
    address = f"{site.ws_url('newbox')}?v=1"
    with connect(address, additional_headers={"Cookie": cookie}) as socket:
        socket.send('{"type": "hello"}')
        assert json.loads(socket.recv(DEADLINE_S))["type"] == "open"
        wait_until(lambda: site.manage("chat_rooms", "who").stdout == "newbox\talice\talice\n", "alice's arrival")
        assert site.manage("chat_rooms", "delete", "newbox", "--confirm", "newbox").returncode == 0
        assert closed(socket) in (4008, 4404)  # 4008: come back, and be told
    with connect(address, additional_headers={"Cookie": cookie}) as socket:
        assert json.loads(socket.recv(DEADLINE_S))["code"] == "not_found"
        assert closed(socket) == 4404
    out, error = tail.communicate(timeout=DEADLINE_S)
    assert (tail.returncode, "deleted" in out + error) == (3, True), (tail.returncode, out, error)


def closed(socket: ClientConnection) -> int | None:
    """With which code the server closes it."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(DEADLINE_S)
    return socket.close_code
