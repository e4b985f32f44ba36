"""`chat_rooms`: rooms listed, shown, changed, renamed, archived and opened again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.models import Lease, Presence
from tests.integration.rooming import answers, refused, rooms
from tests.integration.writing import say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _some(people: dict[str, Actor]) -> None:
    services.create_room("newbox", title="New things", members=["alice", "bob"])
    services.create_room("ops", private=True, announce_only=True, retention=timedelta(days=30), max_length=500)
    services.create_room("old")
    services.archive_room("old", SYSTEM)
    say("newbox", "one", "two")


def visit(room: str, *people: Actor) -> None:
    """They are there, by a server that lives."""
    lease, _ = Lease.objects.get_or_create(
        server="here", defaults={"until": timezone.now() + timedelta(minutes=1), "version": 1}
    )
    room_id = history.room_named(room).id
    for person in people:
        Presence.objects.create(
            lease=lease, room_id=room_id, user_id=person.id, user_name=person.name, username=person.username
        )


def test_list_has_a_line_for_each_open_room(people: dict[str, Actor]) -> None:
    visit("newbox", people["alice"], people["bob"])
    newbox, ops = (line.split("\t") for line in rooms("list").splitlines())
    last = history.rooms_for(SYSTEM)[0].last_message_at
    assert last is not None
    assert newbox[:4] == ["newbox", "2", "2", "2"]
    assert newbox[4].startswith(f"{last.astimezone():%Y}")
    assert newbox[5:] == ["", "New things"]
    assert ops == ["ops", "0", "0", "0", "", "private, announce-only", ""]


def test_list_has_archived_rooms_only_if_asked_for() -> None:
    assert [line.split("\t")[0] for line in rooms("list", "--archived").splitlines()] == ["newbox", "old", "ops"]
    assert [room["name"] for room in answers("list", archived=True) if room["archived"]] == ["old"]


def test_list_as_json_is_what_create_room_prints_and_more(people: dict[str, Actor]) -> None:
    visit("ops", people["carol"])
    newbox, ops = answers("list")
    assert ops == {
        "name": "ops", "title": "", "topic": "", "private": True, "announce_only": True, "archived": False,
        "retention": 30 * 86400, "max_length": 500, "last_seq": 0, "members": 0, "last_message_at": None, "present": 1,
    }  # fmt: skip
    assert newbox["last_message_at"].endswith("Z")


def test_an_empty_list_says_what_to_do() -> None:
    for room in ("newbox", "ops"):
        services.archive_room(room, SYSTEM)
    assert rooms("list", error="All rooms are archived: add --archived\n") == ""


def test_show_says_all_about_a_room() -> None:
    services.add_member("newbox", "carol", "owner", SYSTEM)
    facts = dict(line.split("\t") for line in rooms("show", "NEWBOX").splitlines())
    assert facts.pop("last message").startswith("20")
    assert facts == {
        "name": "newbox", "title": "New things", "topic": "", "private": "no", "announce-only": "no",
        "archived": "no", "retention": "forever", "max-length": "as the site", "messages": "2", "removed": "none",
        "members": "3", "owners": "carol", "here now": "0",
    }  # fmt: skip
    facts = dict(line.split("\t") for line in rooms("show", "ops").splitlines())
    assert (facts["retention"], facts["max-length"], facts["last message"]) == ("30 d", "500", "")


def test_show_as_json_has_the_logs_numbers() -> None:
    (room,) = answers("show", "newbox")
    view = history.room_named("newbox")
    assert (room["head"], room["floor"], room["pruned"], room["epoch"]) == (2, 0, 0, view.epoch)
    assert (room["owners"], room["present"], room["members"]) == ([], 0, 2)


def test_set_changes_what_is_given() -> None:
    line = ["set", "newbox", "title=A = b", "topic=", "private=yes", "announce-only=yes", "retention=2h"]
    assert rooms(*line, "max_length=7") == (
        "Updated room newbox: title, topic, private, announce-only, retention, max-length\n"
    )
    room = history.room_named("newbox")
    assert (room.title, room.topic, room.private, room.announce_only) == ("A = b", "", True, True)
    assert (room.retention, room.max_length) == (timedelta(hours=2), 7)
    (answer,) = answers("set", "newbox", "retention=forever", "max-length=", "private=no", "title=")
    assert answer["status"] == "updated"
    assert (answer["room"]["retention"], answer["room"]["max_length"]) == (None, None)
    assert (answer["room"]["private"], answer["room"]["title"]) == (False, "")
    rooms("set", "newbox", "retention=1d")
    rooms("set", "newbox", "retention=")
    assert history.room_named("newbox").retention is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["newbox"], "KEY=VALUE"),
        (["newbox", "title"], "'title' is no KEY=VALUE: the keys are title, topic, private"),
        (["newbox", "name=x"], "there is no key 'name': the keys are title, topic, private"),
        (["newbox", "=x"], "'=x' is no KEY=VALUE"),
        (["newbox", "private=maybe"], "private: 'maybe' is neither yes nor no"),
        (["newbox", "private="], "private: '' is neither yes nor no"),
        (["newbox", "retention=soon"], "retention: 'soon' is no length of time"),
        (["newbox", "max-length=0"], "max-length: '0' is no whole number from 1 up"),
        (["newbox", "max-length=60001"], "1 to 60000"),
        (["newbox", "title=a", "title=b"], "given twice"),
        (["newbox", "title=a\nb"], "line break"),
        (["newbox", "title=" + "x" * 201], "the limit is 200"),
        (["newbox", "-title=x"], "no option -title=x"),
    ],
)
def test_set_refuses_what_it_does_not_understand(words: list[str], reason: str) -> None:
    before = history.room_named("newbox")
    error = refused("set", *words)
    assert error.returncode == 2
    assert reason in str(error)
    assert history.room_named("newbox") == before


def test_rename_gives_a_room_another_name() -> None:
    assert rooms("rename", "NEWBOX", "Inbox") == "Renamed room newbox to Inbox\n"
    (answer,) = answers("rename", "inbox", "newbox")
    assert (answer["status"], answer["before"], answer["room"]["name"]) == ("renamed", "Inbox", "newbox")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["newbx", "inbox"], 3, "did you mean newbox"),
        (["newbox", "ops"], 4, "room ops exists; choose another name"),
        (["newbox", "a b"], 2, "a room name has letters"),
        (["newbox"], 2, "NEW"),
    ],
)
def test_rename_refuses_with_the_right_code(words: list[str], code: int, reason: str) -> None:
    error = refused("rename", *words)
    assert error.returncode == code
    assert reason in str(error)


def test_rooms_are_archived_and_restored_one_by_one() -> None:
    assert rooms("archive", "newbox", "OPS", "newbox") == "Archived room newbox\nArchived room ops\n"
    assert rooms("archive", "ops") == "Room ops is archived already\n"
    assert answers("restore", "newbox", "ops") == [
        {"status": "restored", "room": "newbox"},
        {"status": "restored", "room": "ops"},
    ]
    assert answers("restore", "ops") == [{"status": "kept", "room": "ops"}]
    assert rooms("restore", "ops") == "Room ops is not archived\n"
    assert not history.room_named("newbox").archived


def test_what_fails_is_told_the_rest_is_done_and_the_worst_code_is_the_end() -> None:
    said = "newbx: no room newbx; did you mean newbox?\n"
    error = refused("archive", "newbx", "newbox", out="Archived room newbox\n", error=said)
    assert (str(error), error.returncode) == ("1 of 2 failed", 3)
    assert history.room_named("newbox").archived


def test_a_new_epoch_is_for_rooms_that_are_named_or_for_all() -> None:
    before = history.room_named("newbox").epoch
    (answer,) = answers("new-epoch", "NEWBOX")
    assert answer == {"status": "updated", "room": "newbox", "epoch": history.room_named("newbox").epoch}
    assert answer["epoch"] != before
    assert rooms("new-epoch", "--all").splitlines() == [
        f"Room {name} has a new epoch" for name in ("newbox", "old", "ops")
    ]
    assert history.room_named("newbox").epoch != answer["epoch"]


@pytest.mark.parametrize("words", [[], ["newbox", "--all"]])
def test_a_new_epoch_is_asked_for_in_one_way(words: list[str]) -> None:
    error = refused("new-epoch", *words)
    assert error.returncode == 2
    assert "--all" in str(error)


@pytest.mark.parametrize(
    "line",
    ["list", "show newbox", "set newbox title=x", "archive newbox", "who", "members newbox", "rename newbox x",
     "new-epoch newbox", "delete newbox --confirm newbox", "members newbox --add carol"],
)  # fmt: skip
def test_quiet_is_silent(line: str) -> None:
    assert rooms(*line.split(), "-q") == ""
    assert rooms("-q", "--json", "list") == ""


def test_verbosity_0_leaves_out_the_line_of_a_change() -> None:
    assert rooms("rename", "newbox", "inbox", verbosity=0) == ""
