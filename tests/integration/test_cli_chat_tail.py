"""`chat_tail` with a database."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcore import services
from chatcore.actors import SYSTEM, Actor
from chatcore.models import Message, Room
from tests.integration.tailing import ALICE, Tail, post, prune, tailed, texts
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _newbox(transactional_db: None) -> None:
    services.create_room("newbox")


def test_the_last_ten_come_first() -> None:
    post(*map(str, range(12)))
    assert texts(tailed("newbox", "--no-follow", "--json")) == [str(n) for n in range(2, 12)]


@pytest.mark.parametrize(("lines", "number"), [("0", 0), ("1", 1), ("3", 3), ("12", 12), ("99", 12), ("all", 12)])
def test_how_many_come_first_may_be_given(lines: str, number: int) -> None:
    post(*map(str, range(12)))
    assert texts(tailed("newbox", "--no-follow", "--json", "-n", lines)) == [str(n) for n in range(12 - number, 12)]


def test_more_than_a_page_comes_in_order() -> None:
    services.post_messages([services.Post("newbox", str(n)) for n in range(1203)])
    assert texts(tailed("newbox", "--no-follow", "--json", "-n", "all")) == [str(n) for n in range(1203)]


def test_it_may_begin_after_a_number() -> None:
    post(*"abcdefghijklmn")
    assert texts(tailed("newbox", "--no-follow", "--json", "--after", "2")) == list("cdefghijklmn")
    assert texts(tailed("newbox", "--no-follow", "--json", "--after", "2", "-n3")) == list("lmn")
    assert tailed("newbox", "--no-follow", "--json", "--after", "14") == ""


def test_it_may_begin_at_a_time() -> None:
    post("old", "new", "newer")
    Message.objects.filter(seq=1).update(created_at=datetime.now(UTC) - timedelta(hours=3))
    assert texts(tailed("newbox", "--no-follow", "--json", "--since", "1h")) == ["new", "newer"]
    assert texts(tailed("newbox", "--no-follow", "--json", "--since", "1d")) == ["old", "new", "newer"]
    assert texts(tailed("newbox", "--no-follow", "--json", "--since", "1h", "-n1")) == ["newer"]


def test_several_rooms_are_merged_by_time() -> None:
    services.create_room("ops")
    post("one")
    post("two", room="ops")
    post("three")
    assert texts(tailed("newbox", "ops", "NEWBOX", "--no-follow", "--json")) == ["one", "two", "three"]


def test_a_record_reads_as_documented() -> None:
    post("hello")
    services.post_messages([services.Post("newbox", "text", SYSTEM, "announcement", title="Title", priority=4)])
    Message.objects.update(created_at=datetime(2026, 11, 22, 6, 15, 2, tzinfo=UTC))
    first, second = tailed("newbox", "--no-follow").splitlines()
    assert first.endswith(" newbox #1 alice: hello")
    assert second.endswith(" newbox #2 system! [high] Title: text")
    assert datetime.fromisoformat(first.split()[0]) == datetime(2026, 11, 22, 6, 15, 2, tzinfo=UTC)


def test_a_json_record_is_the_message_object() -> None:
    post("hello")
    record = json.loads(tailed("newbox", "--no-follow", "--json"))
    assert (record["type"], record["seq"], record["rev"], record["username"]) == ("message", 1, 1, "alice")


def test_an_edited_message_has_its_present_text_and_a_deleted_one_none() -> None:
    post("one", "two")
    services.edit_message("newbox", 1, "edited", ALICE)
    services.delete_message("newbox", 2, ALICE)
    lines = tailed("newbox", "--no-follow").splitlines()
    assert [line.partition("alice: ")[2] for line in lines] == ["edited", "(deleted)"]


def test_an_unknown_room_is_an_error_that_names_a_near_match() -> None:
    with pytest.raises(CommandError, match="newbox") as caught:
        tailed("newbx", "--no-follow")
    assert caught.value.returncode == 3


def test_one_unknown_room_of_several_prints_nothing() -> None:
    post("x")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("chat_tail", "newbox", "nowhere", "--no-follow", stdout=out)
    assert out.getvalue() == ""


def test_what_was_pruned_is_a_gap() -> None:
    post(*"abcdef")
    prune(4)
    records = [json.loads(line) for line in tailed("newbox", "--no-follow", "--json", "--after", "2").splitlines()]
    assert [record["type"] for record in records] == ["gap", "message", "message"]
    assert (records[0]["room"], records[0]["reason"]) == ("newbox", "pruned")
    assert tailed("newbox", "--no-follow", "--after", "2").startswith("--- newbox: gap: ")
    assert "gap" not in tailed("newbox", "--no-follow")
    assert "gap" not in tailed("newbox", "--no-follow", "-n", "all")


def test_a_room_that_was_pruned_to_its_end_is_a_gap() -> None:
    post(*"abc")
    prune(3)
    assert [
        json.loads(line)["type"] for line in tailed("newbox", "--no-follow", "--json", "--after", "1").splitlines()
    ] == ["gap"]
    assert tailed("newbox", "--no-follow") == ""


def test_a_number_that_the_room_has_not_reached_is_a_gap() -> None:
    post("x")
    assert json.loads(tailed("newbox", "--no-follow", "--json", "--after", "5"))["reason"] == "ahead"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_and_names_stay_within_their_record(text: str) -> None:
    post(text, actor=Actor("user", "7", "mallory", text[:150], is_superuser=True))
    post("after")
    output = tailed("newbox", "--no-follow")
    assert not [character for character in FORBIDDEN if character in output]
    first, *others, last = output.split("\n")[:-1]
    assert " newbox #1 " in first
    assert " newbox #2 alice: after" in last
    assert all(line.startswith("    ") for line in others)


def test_a_room_whose_name_is_not_as_it_should_be_stays_within_its_record() -> None:
    post("x")
    Room.objects.update(name="new\x1b[2J\nbox")
    assert tailed("newbox", "--no-follow").count("\n") == 1
    assert "\x1b" not in tailed("newbox", "--no-follow")


def test_count_ends_it_while_it_prints_what_was_said() -> None:
    post(*"abc")
    assert texts(tailed("newbox", "--json", "--count", "2")) == ["a", "b"]


def test_timeout_ends_it_with_124() -> None:
    post("x")
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_tail", "newbox", "--timeout", "2", stdout=out)
    assert caught.value.returncode == 124
    assert out.getvalue().count("\n") == 1


def test_what_is_said_later_follows_without_a_repeat() -> None:
    post("before")
    tail = Tail("newbox", "--count", "5")
    wait_until(tail.has(1), "the backlog")
    post("one", "two", "three", "four")
    assert texts(tail.ended()) == ["before", "one", "two", "three", "four"]
    assert tail.failure is None


def test_several_rooms_are_followed_at_once() -> None:
    services.create_room("ops")
    post("before")
    tail = Tail("newbox", "ops", "--count", "3")
    wait_until(tail.has(1), "the backlog")
    post("one", room="ops")
    wait_until(tail.has(2), "the message of the other room")
    post("two")
    assert texts(tail.ended()) == ["before", "one", "two"]


def test_edits_and_deletions_are_no_records() -> None:
    post("one", "two")
    tail = Tail("newbox", "--count", "3")
    wait_until(tail.has(2), "the backlog")
    services.edit_message("newbox", 1, "edited", ALICE)
    services.delete_message("newbox", 2, ALICE)
    post("three")
    assert texts(tail.ended()) == ["one", "two", "three"]


def test_a_room_that_is_deleted_ends_it() -> None:
    post("x")
    tail = Tail("newbox")
    wait_until(tail.has(1), "the backlog")
    Room.objects.all().delete()
    assert json.loads(tail.ended().splitlines()[-1])["reason"] == "deleted"
    assert tail.failure is not None
    assert tail.failure.returncode == 3


def test_quiet_prints_nothing_and_still_counts() -> None:
    post(*"abc")
    assert tailed("newbox", "-q", "--count", "2") == ""
