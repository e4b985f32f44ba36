"""What becomes of a `roomline tail` when its room or its token is not what it was."""

import json
from pathlib import Path

import pytest

from tests.acceptance.http_api.guest import Guest
from tests.acceptance.remote_tails.tails import Tail, done, token_file
from tests.acceptance.site import ChatSite
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def manage(site: ChatSite, *arguments: str) -> None:
    ended = site.manage(*arguments)
    assert ended.returncode == 0, ended.stderr


def test_a_revoked_token_ends_it_with_the_reason(site: ChatSite, guest: Guest) -> None:
    path = token_file(site, "short", "--room", "newbox")
    guest.post("newbox", "before")
    with Tail(site, "newbox", "-n1", "--server", site.url, "--token-file", str(path)) as tail:
        tail.until(["before"])
        manage(site, "chat_token", "revoke", "short")
        assert tail.ended() == 4
        assert "revoked" in tail.talk[-1]
        assert path.read_text().strip().rpartition("_")[2] not in "".join(tail.talk)


def test_a_token_that_may_not_read_is_told_so(site: ChatSite) -> None:
    path = token_file(site, "speaker", "--room", "newbox", "--can", "send")
    ended = done(site, "tail", "newbox", "--no-follow", "--server", site.url, "--token-file", str(path))
    assert (ended.returncode, ended.stdout) in {(4, ""), (3, "")}
    assert ended.stderr.count("\n") == 1


def test_a_renamed_room_is_followed_and_a_deleted_one_ends_it(site: ChatSite, guest: Guest, way: list[str]) -> None:
    manage(site, "create_room", "old")
    guest.post("old", "one")
    with Tail(site, "old", "-n", "all", *way) as tail:
        tail.until(["one"])
        manage(site, "chat_rooms", "rename", "old", "new")
        guest.post("new", "two")
        tail.until(["one", "two"])
        manage(site, "create_room", "old")
        guest.post("old", "another room's")
        guest.post("new", "three")
        tail.until(["one", "two", "three"])
        manage(site, "chat_rooms", "delete", "new", "--confirm", "new")
        assert tail.ended() == 3, tail.talk
        assert tail.texts() == ["one", "two", "three", "deleted"]
        assert "deleted meanwhile" in tail.talk[-1]


def test_rooms_that_come_join_in(site: ChatSite, guest: Guest, way: list[str]) -> None:
    with Tail(site, "ops-*", *way) as tail:
        wait_until(lambda: tail.talk, "a word that there is no room yet")
        assert "no room matches ops-* yet" in tail.talk[0]
        for name in ("ops-a", "ops-b"):
            manage(site, "create_room", name)
            guest.post(name, f"in {name}")
        wait_until(lambda: len(tail.lines) == 2, f"both, there is {tail.lines}")
        assert set(tail.texts()) == {"in ops-a", "in ops-b"}
        tail.stop()


def test_a_changed_history_is_a_gap_and_goes_on(site: ChatSite, guest: Guest, way: list[str], tmp_path: Path) -> None:
    manage(site, "create_room", "restored")
    guest.post("restored", "one")
    cursor = ["--cursor-file", str(tmp_path / "cursor")]
    with Tail(site, "restored", *cursor, *way) as tail:
        tail.until(["one"])
        manage(site, "chat_rooms", "new-epoch", "restored")
        guest.post("restored", "two")
        tail.until(["one", "epoch", "one", "two"])
        tail.stop()
    manage(site, "chat_rooms", "new-epoch", "restored")
    with Tail(site, "restored", "--no-follow", *cursor, *way) as again:
        assert again.ended() == 0
        assert again.texts() == ["epoch", "one", "two"]


@pytest.mark.runchat("the local socket")
def test_over_the_local_socket_it_needs_no_token_and_has_every_room(site: ChatSite) -> None:
    manage(site, "create_room", "cellar", "--private")
    manage(site, "chat_send", "-q", "cellar", "hello")
    way = ["--socket", str(site.var_dir / "run" / "api.sock")]
    with Tail(site, "cellar", *way) as tail:
        tail.until(["hello"])
        manage(site, "chat_send", "-q", "cellar", "again")
        tail.until(["hello", "again"])
        tail.stop()
    manage(site, "chat_rooms", "delete", "cellar", "--confirm", "cellar")


NOT_THERE = {
    "a missing room": (["nowhere"], 3),
    "nobody listens": (["newbox", "--server", "http://127.0.0.1:9"], 5),
    "no such socket": (["newbox", "--socket", "/nowhere/api.sock"], 5),
    "no room at all": ([], 2),
    "not the chat's address": (["newbox", "--server", "{url}accounts/"], 1),
    "a bad option": (["newbox", "--event", "all"], 2),
    "options that exclude each other": (["newbox", "--no-follow", "--idle", "3"], 2),
    "a time that runs out": (["newbox", "-n0", "--timeout", "0.1"], 124),
    "nothing comes": (["newbox", "-n0", "--idle", "0.1"], 124),
    "as many as wanted": (["newbox", "--count", "1"], 0),
}


@pytest.mark.parametrize("name", NOT_THERE)
def test_exit_codes_are_those_of_the_local_command(site: ChatSite, guest: Guest, way: list[str], name: str) -> None:
    guest.post("newbox", "hello")
    words, code = NOT_THERE[name]
    arguments = [word.format(url=site.url) for word in words]
    given = way[2:] if "--server" in words else [] if "--socket" in words else way
    ended = done(site, "tail", "-q", *arguments, *given)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert "Traceback" not in ended.stderr
    assert bool(ended.stderr) == bool(code)


ALIKE: list[list[str]] = [
    ["newbox", "-n", "all"],
    ["newbox", "-n3", "--json"],
    ["newbox", "--after", "1", "--json", "--events", "changes"],
    ["newbox", "--since", "1h", "--until", "1s", "--utc", "--timestamps", "short"],
    ["--all", "-n", "all", "--no-prefix"],
    ["mixed-*", "newbox", "--kind", "message", "--grep", "^[ab]", "--exclude", "7"],
    ["mixed-?", "-n", "all", "--count", "5", "--json"],
    ["newbox", "--after", "999999", "--json"],
    ["MIXED-A", "nothing-*"],
]


def test_it_prints_what_the_local_command_prints(site: ChatSite, guest: Guest, way: list[str]) -> None:
    for name in ("mixed-a", "mixed-b"):
        manage(site, "create_room", name)
    for number in range(12):
        guest.post(("mixed-a", "mixed-b", "newbox")[number % 3], f"{'abc'[number % 3]} {number}\x1b[31m")
    seq = guest.post("newbox", {"message": "x", "title": "T", "priority": 5, "tags": ["t"]}).json["message"]["seq"]
    assert guest.ask("PATCH", f"rooms/newbox/messages/{seq}", {"message": "edited\nonce"}).status == 200
    gone = guest.post("newbox", "gone").json["message"]["seq"]
    assert guest.ask("DELETE", f"rooms/newbox/messages/{gone}").status == 200
    for words in ALIKE:
        local = site.manage("chat_tail", *words, "--no-follow")
        remote = done(site, "tail", *words, "--no-follow", *way)
        assert (remote.returncode, remote.stdout) == (local.returncode, local.stdout), words
        assert bool(remote.stderr) == bool(local.stderr)


def test_the_local_command_follows_a_server_elsewhere_too(site: ChatSite, guest: Guest, way: list[str]) -> None:
    guest.post("newbox", "the last one")
    nothing_here = {"CHAT_VAR_DIR": "/nowhere/var", "DATABASE_URL": "sqlite:////nowhere/chat.sqlite3"}
    ended = site.manage("chat_tail", "newbox", "-n1", "--no-follow", "--no-prefix", *way, env=nothing_here)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith(" tails: the last one\n")
    missing = site.manage("chat_tail", "nowhere", *way, env=nothing_here)
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.startswith("CommandError: no room nowhere")
    alone = site.manage("chat_tail", "newbox", *way[2:])
    assert (alone.returncode, alone.stderr) == (2, "CommandError: --token-file needs --server or --socket\n")


def test_its_cursor_file_is_the_local_commands(site: ChatSite, guest: Guest, way: list[str], tmp_path: Path) -> None:
    manage(site, "create_room", "shared")
    guest.post("shared", "one")
    cursor = ["shared", "--no-follow", "--json", "--cursor-file", str(tmp_path / "cursor")]
    assert json.loads(done(site, "tail", *cursor, *way).stdout)["message"] == "one"
    guest.post("shared", "two")
    assert json.loads(site.manage("chat_tail", *cursor).stdout)["message"] == "two"
    guest.post("shared", "three")
    assert json.loads(done(site, "tail", *cursor, *way).stdout)["message"] == "three"
    assert done(site, "tail", *cursor, *way).stdout == ""
