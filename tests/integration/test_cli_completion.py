"""What may come next on a command line that is being typed."""

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import get_commands, load_command_class
from pytest_django.fixtures import Settings

from chatcli.base import ChatCommand
from chatcli.completion import candidates
from chatcore import services
from tests.conftest import PROJECT

OURS = sorted(name for name, app in get_commands().items() if app == "chatcli")


def offered(line: str) -> list[str] | None:
    """What is offered at the end of the line; of it what begins like the last word."""
    name, *words = line.split(" ")
    command = load_command_class("chatcli", name)
    assert isinstance(command, ChatCommand)
    found = candidates(command, words[:-1], words[-1])
    return None if found is None else [word for word in found if word.startswith(words[-1])]


@pytest.fixture(autouse=True)
def rooms(db: None) -> None:
    for name in ("newbox", "ops", "ops-db", "Übung"):
        services.create_room(name)
    users = get_user_model()._default_manager
    for name in ("alice", "alan", "bob@example.org"):
        users.create(**{get_user_model().USERNAME_FIELD: name})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chat_send n", ["newbox"]),
        ("chat_send Ü", ["Übung"]),
        ("chat_send ops,", ["ops,newbox", "ops,ops-db", "ops,Übung"]),
        ("chat_send ops,newbox,o", ["ops,newbox,ops-db"]),
        ("chat_send -q --as alice o", ["ops", "ops-db"]),
        ("chat_send --json -- o", ["ops", "ops-db"]),
        ("chat_send --all o", []),
        ("chat_send newbox o", []),
        ("chat_tail newbox o", ["ops", "ops-db"]),
        ("chat_tail ops,", []),
        ("create_room o", ["ops", "ops-db"]),
        ("chat_bench o", ["ops", "ops-db"]),
        ("chat_bench ops o", []),
        ("chat_rooms show o", ["ops", "ops-db"]),
        ("chat_rooms -q archive newbox o", ["ops", "ops-db"]),
        ("chat_rooms rename o", ["ops", "ops-db"]),
        ("chat_rooms rename ops o", []),
        ("chat_rooms delete ops --confirm o", ["ops", "ops-db"]),
        ("chat_rooms new-epoch --all o", []),
        ("runchat ", []),
    ],
)
def test_rooms_are_offered_where_a_room_belongs(line: str, words: list[str]) -> None:
    assert offered(line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chat_send --as a", ["alan", "alice"]),
        ("chat_send --as=bob@", ["--as=bob@example.org"]),
        ("chat_tail newbox --author al", ["alan", "alice"]),
        ("create_room x --member al", ["alan", "alice"]),
        ("chat_bench ops --as bob --as al", ["alan", "alice"]),
        ("chat_bench ops --clients ", []),
        ("chat_rooms r", ["rename", "restore"]),
        ("chat_rooms --json wh", ["who"]),
        ("chat_rooms members ops --add al", ["alan", "alice"]),
        ("chat_rooms members ops --re", ["--remove"]),
        ("chat_rooms who ops --re", []),
        ("chat_rooms import ", None),
        ("chat_send --kind ", ["message", "announcement", "notice"]),
        ("chat_send --kind=a", ["--kind=announcement"]),
        ("chat_send -p h", ["high"]),
        ("chat_tail newbox --min-priority m", ["min", "max"]),
        ("chat_send --wait ", ["stored", "pushed", "seen"]),
        ("chat_tail newbox -n ", ["all"]),
        ("create_room x --retention ", ["forever"]),
        ("chat_send newbox --title ", []),
        ("chat_send newbox --at ", []),
        ("chat_tail newbox --verbosity ", ["0", "1", "2", "3"]),
    ],
)
def test_an_options_values_are_offered_after_it(line: str, words: list[str]) -> None:
    assert offered(line) == words


@pytest.mark.parametrize(
    "line",
    [
        "chat_send newbox --file ",
        "chat_send newbox --file=re",
        "chat_send newbox - < re",
        "chat_tail newbox --cursor-file ",
        "chat_tail newbox --exec ./",
        "chat_send newbox Backup --run -- /usr/",
        "runchat --unix ",
    ],
)
def test_names_of_files_are_the_shells_to_offer(line: str) -> None:
    assert offered(line) is None


@pytest.mark.parametrize("name", OURS)
def test_every_option_of_every_command_is_offered(name: str) -> None:
    command = load_command_class("chatcli", name)
    for action in command.create_parser("manage.py", name)._actions:
        for option in action.option_strings[-1:]:
            assert option in (offered(f"{name} x {option}") or [])


def test_an_option_that_was_given_is_offered_again_only_if_it_may_be_repeated() -> None:
    assert offered("chat_send newbox --tag x --title=y --tag") == ["--tag"]
    assert offered("chat_send newbox --tag x --title=y --ti") == ["--timeout"]
    assert offered("chat_send newbox -q --qu") == []


def test_what_was_archived_is_not_offered() -> None:
    from chatcore.models import Room

    Room.objects.filter(name="ops").update(archived_at="2026-01-01T00:00:00Z")
    assert offered("chat_send o") == ["ops-db"]


@pytest.mark.sqlite("its database is a file that connecting makes")
def test_looking_makes_no_database(settings: Settings, tmp_path: Path) -> None:
    from django.db import connection

    before, settings.CHAT_VAR_DIR = connection.settings_dict["NAME"], tmp_path
    connection.settings_dict["NAME"] = str(tmp_path / "none.sqlite3")
    try:
        assert offered("chat_send n") == []
    finally:
        connection.settings_dict["NAME"] = before
    assert list(tmp_path.iterdir()) == []


def test_the_shell_asks_all_of_our_commands() -> None:
    script = (PROJECT / "chatcli" / "completion.bash").read_text()
    assert f"*,{' | *,'.join(OURS)})" in script
