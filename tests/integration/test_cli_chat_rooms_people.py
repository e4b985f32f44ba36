"""`chat_rooms members` and `chat_rooms who`."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.history.members import members
from chatcore.models import Lease, Membership, Presence
from tests.integration.rooming import answers, refused, rooms
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rooms(people: dict[str, Actor]) -> None:
    services.create_room("newbox", members=["bob"], owner="alice")
    services.create_room("ops", private=True)


def roles(room: str = "newbox") -> dict[str, str]:
    return {member.name: member.role for member in members(history.room_named(room).id)}


def test_members_are_listed_owners_first() -> None:
    services.add_member("newbox", "carol", "moderator", SYSTEM)
    lines = [line.split("\t") for line in rooms("members", "NEWBOX").splitlines()]
    assert [line[:2] for line in lines] == [["alice", "owner"], ["carol", "moderator"], ["bob", "member"]]
    assert all(line[2].startswith("20") for line in lines)
    assert [member["name"] for member in answers("members", "newbox")] == ["alice", "carol", "bob"]
    assert set(answers("members", "newbox")[0]) == {"room", "name", "role", "joined_at"}


def test_a_room_without_members_says_what_to_do() -> None:
    assert rooms("members", "ops", error="Room ops has no members: add some by --add USER\n") == ""


def test_all_members_are_listed_however_many_there_are() -> None:
    room_id = history.room_named("ops").id
    Membership.objects.bulk_create(
        [Membership(room_id=room_id, user_id=f"x{number}", user_name=f"u{number:04}") for number in range(1200)]
    )
    assert [member["name"] for member in answers("members", "ops")] == [f"u{number:04}" for number in range(1200)]


@pytest.mark.parametrize("added", ["carol", "carol:owner"])
def test_who_is_to_be_added_and_removed_is_neither(added: str) -> None:
    error = refused("members", "newbox", "--add", added, "--remove", "bob", "--remove", "carol")
    assert (error.returncode, str(error)) == (2, "carol is to be added and removed: decide for one")
    assert roles() == {"alice": "owner", "bob": "member"}


def test_members_are_added_with_a_role_and_removed() -> None:
    line = ["members", "newbox", "--add", "carol:moderator", "--add", "sam", "--add", "bob:owner", "--remove", "alice"]
    assert rooms(*line).splitlines() == [
        "newbox: carol is a moderator now",
        "newbox: sam is a member now",
        "newbox: bob is an owner now",
        "newbox: alice is no member any more",
    ]
    assert roles() == {"bob": "owner", "carol": "moderator", "sam": "member"}
    assert answers("members", "newbox", add=["sam:moderator"], remove=["carol"]) == [
        {"room": "newbox", "account": "sam", "before": "member", "after": "moderator"},
        {"room": "newbox", "account": "carol", "before": "moderator", "after": None},
    ]


def test_an_accounts_name_may_hold_colons() -> None:
    for name in ("a:b", "x:owner"):
        User.objects.create(username=name)
    rooms("members", "ops", "--add", "a:b", "--add", "x:owner:member")
    assert roles("ops") == {"a:b": "member", "x:owner": "member"}


def test_what_fails_is_told_and_the_rest_is_done() -> None:
    error = refused(
        "members", "newbox", "--add", "nobody:owner", "--add", "carol", "--remove", "alice", "--remove", "sam",
        out="newbox: carol is a member now\n",
        error="nobody:owner: no user nobody\n"
        "alice: alice is the only owner of room newbox: make somebody else an owner first\n"
        "sam: no member sam in room newbox\n",
    )  # fmt: skip
    assert (str(error), error.returncode) == ("3 of 4 failed", 4)
    assert roles() == {"alice": "owner", "bob": "member", "carol": "member"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere"], 3),
        (["newbox", "--add", "nobody"], 3),
        (["newbox", "--remove", "carol"], 3),
        (["newbox", "--remove", "alice"], 4),
        (["newbox", "--add"], 2),
        (["newbox", "carol"], 2),
    ],
)
def test_a_single_failure_is_the_commands_own(words: list[str], code: int) -> None:
    assert refused("members", *words).returncode == code


def visit(room: str, server: str, *people: tuple[str, str, str], lasts: float = 60) -> None:
    """They are there (id, account, name), by this server, whose lease lasts so many seconds."""
    lease, _ = Lease.objects.get_or_create(
        server=server, defaults={"until": timezone.now() + timedelta(seconds=lasts), "version": 1}
    )
    room_id = history.room_named(room).id
    Presence.objects.bulk_create(
        [
            Presence(lease=lease, room_id=room_id, user_id=user_id, user_name=account, username=name)
            for user_id, account, name in people
        ]
    )


def test_who_names_each_person_once_on_all_servers_that_live() -> None:
    visit("newbox", "one", ("1", "alice", "Alice"), ("2", "bob", "Bob"))
    visit("newbox", "two", ("2", "bob", "Bob"))
    visit("ops", "two", ("1", "alice", "Alice"))
    visit("ops", "dead", ("3", "carol", "Carol"), lasts=-1)
    assert rooms("who") == "newbox\talice\tAlice\nnewbox\tbob\tBob\nops\talice\tAlice\n"
    assert rooms("who", "OPS") == "ops\talice\tAlice\n"
    assert answers("who", "ops") == [{"room": "ops", "id": "1", "name": "alice", "username": "Alice"}]


def test_who_names_them_also_where_a_page_only_counts() -> None:
    visit("newbox", "one", *((str(number), f"u{number:03}", f"U{number:03}") for number in range(150)))
    assert [person["name"] for person in answers("who", "newbox")] == [f"u{number:03}" for number in range(150)]


def test_where_nobody_is_it_says_so() -> None:
    assert rooms("who", error="Nobody is in a room now\n") == ""
    assert rooms("who", "ops", "--json", error="Nobody is in ops now\n") == ""
    assert refused("who", "osp").returncode == 3


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_names_cannot_pass_for_what_they_are_not(text: str) -> None:
    visit("newbox", "one", ("1", text[:150], text[:150]), ("2", "bob", "Bob"))
    Membership.objects.create(room_id=history.room_named("ops").id, user_id="9", user_name=text[:150])
    for output, lines in ((rooms("who"), 2), (rooms("members", "ops"), 1), (rooms("who", "--json"), 2)):
        assert not [character for character in FORBIDDEN if character in output]
        assert len(output.splitlines()) == lines
