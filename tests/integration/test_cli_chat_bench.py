"""What `chat_bench` refuses, before anything is made. Its runs are in acceptance/test_chat_bench.py."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from chatcli.locks import file_lock
from chatcli.server_record import announced
from chatcore import services
from chatcore.actors import SYSTEM, Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Nobody runs here."""
    settings.CHAT_VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def dead_end() -> Iterator[None]:
    """A server is announced, at a port where nobody listens."""
    with announced("http://127.0.0.1:9/"):
        yield


def refused(*words: str) -> tuple[int, str]:
    """The exit code and the error; nothing is printed, and nobody is left."""
    out = io.StringIO()
    before = User.objects.count()
    with pytest.raises(CommandError) as caught:
        call_command("chat_bench", *words, stdout=out, stderr=io.StringIO())
    assert (out.getvalue(), User.objects.count()) == ("", before)
    return caught.value.returncode, str(caught.value)


def test_without_a_server_it_says_how_to_start_one() -> None:
    services.create_room("bench")
    assert refused("bench") == (1, "no server runs here; start one: ./manage.py runchat")


def test_an_unknown_room_is_told_with_a_near_match() -> None:
    services.create_room("bench")
    assert refused("bnech") == (3, "no room bnech; did you mean bench?")
    assert refused("bench", "--as", "nobody")[0] == 3


def test_a_private_room_is_refused_unless_members_are_named(people: dict[str, Actor]) -> None:
    services.create_room("club", private=True, members=["alice"])
    code, error = refused("club")
    assert (code, error) == (
        4,
        "room club is private, and temporary accounts are no member: take another room (./manage.py create_room bench),"
        " or name people who may by --as USER",
    )
    assert refused("club", "--as", "alice", "--as", "bob")[1].startswith("room club is private, and bob is no member")
    assert refused("club", "--as", "alice")[0] == 1  # no server


def test_an_announce_only_room_is_refused_unless_those_in_charge_are_named(people: dict[str, Actor]) -> None:
    services.create_room("news", announce_only=True, owner="alice")
    code, error = refused("news")
    assert code == 4
    assert error.startswith("room news is for announcements: only its owners and moderators write here; take another")
    assert refused("news", "--as", "bob")[0] == 4
    assert refused("news", "--as", "alice")[0] == 1  # no server


def test_an_archived_room_is_refused(people: dict[str, Actor]) -> None:
    services.create_room("old", owner="alice")
    services.archive_room("old", SYSTEM)
    wanted = (4, "room old is archived: it can only be read; take another room: ./manage.py create_room bench")
    assert refused("old") == wanted
    assert refused("old", "--as", "alice") == wanted


@pytest.mark.parametrize(
    "words",
    [
        [], ["bench", "other"], ["bench", "--clients", "0"], ["bench", "--clients", "10001"],
        ["bench", "--messages", "0"], ["bench", "--messages", "1e3"], ["bench", "--rate", "0"],
        ["bench", "--rate", "nan"], ["bench", "--rate=-1"],
    ],
)  # fmt: skip
def test_wrong_usage_is_refused_with_2(words: list[str]) -> None:
    services.create_room("bench")
    assert refused(*words)[0] == 2


@pytest.mark.usefixtures("dead_end")
def test_a_server_that_does_not_answer_is_told_and_nobody_is_left_behind() -> None:
    services.create_room("bench")
    code, error = refused("bench", "--clients", "3")
    assert code == 1
    assert error.startswith("a client could not connect: ")


@pytest.mark.usefixtures("dead_end")
def test_a_second_one_waits_for_its_turn(folder: Path) -> None:
    services.create_room("bench")
    with file_lock(folder / "bench.lock", 0):
        assert refused("bench") == (5, "another chat_bench runs here: wait for its end")
