"""Which rooms `chat_tail` reads: names, globs, all of them, and what becomes of them meanwhile."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from chatcore import services
from chatcore.models import Room
from chatcore.names import room_key
from tests.integration.tailing import Tail, post, refused, tailed, texts
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _rooms(transactional_db: None) -> None:
    for name in ("newbox", "Ops-disk", "ops-net"):
        services.create_room(name)


def rename(old: str, new: str) -> None:
    Room.objects.filter(name=old).update(name=new, name_key=room_key(new))


def archive(name: str) -> None:
    Room.objects.filter(name=name).update(archived_at=timezone.now())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ops-*"], ["disk", "net"]),
        (["OPS-D?sk"], ["disk"]),
        (["\uff2f\uff30\uff33-*"], ["disk", "net"]),  # full-width letters are the same name
        (["*-[!d]*"], ["net"]),
        (["ops-*", "newbox", "OPS-NET"], ["new", "disk", "net"]),
        (["--all"], ["new", "disk", "net"]),
    ],
)
def test_rooms_are_chosen_by_name_and_glob_in_any_spelling(words: list[str], expected: list[str]) -> None:
    post("new")
    post("disk", room="ops-disk")
    post("net", room="ops-net")
    assert texts(tailed(*words, "--no-follow", "--json")) == expected


def test_an_archived_room_is_read_by_its_name_alone() -> None:
    post("old", room="ops-disk")
    post("net", room="ops-net")
    archive("Ops-disk")
    assert texts(tailed("ops-*", "--no-follow", "--json")) == ["net"]
    assert texts(tailed("--all", "--no-follow", "--json")) == ["net"]
    assert texts(tailed("ops-disk", "--no-follow", "--json")) == ["old"]


def test_many_rooms_are_merged_by_time_and_each_stays_in_its_order() -> None:
    for number in range(300):
        services.post_messages([services.Post(("newbox", "ops-disk", "ops-net")[number * number % 3], str(number))])
    assert texts(tailed("--all", "--no-follow", "--json", "-n", "all")) == [str(n) for n in range(300)]
    assert texts(tailed("--all", "--no-follow", "--json", "-n2")) == sorted(
        texts(tailed("newbox", "--no-follow", "--json", "-n2"))
        + texts(tailed("ops-disk", "--no-follow", "--json", "-n2"))
        + texts(tailed("ops-net", "--no-follow", "--json", "-n2")),
        key=int,
    )


@pytest.mark.parametrize("words", [[], ["--all", "newbox"]])
def test_either_rooms_or_all_of_them_are_named(words: list[str]) -> None:
    assert refused(*words, "--no-follow").returncode == 2


def test_a_glob_that_matches_nothing_is_an_error_when_nothing_is_awaited() -> None:
    error = refused("newbox", "web-*", "--no-follow")
    assert error.returncode == 3
    assert "web-*" in str(error)


def test_a_glob_that_matches_nothing_yet_waits_for_rooms_and_says_so() -> None:
    tail = Tail("web-*", "--count", "1")
    wait_until(tail.err.getvalue, "the word that it waits")
    assert tail.err.getvalue() == "no room matches web-* yet: waiting for one\n"
    services.create_room("web-shop")
    post("open", room="web-shop")
    assert texts(tail.ended()) == ["open"]


def test_rooms_that_are_made_later_join_in_from_their_beginning() -> None:
    post("before", room="ops-disk")
    tail = Tail("ops-*", "--count", "4")
    tail.until("before")
    with_history = services.create_room("ops-web").name
    post("one", "two", room=with_history)
    tail.until("before", "one", "two")
    services.create_room("other")
    post("unseen", room="other")
    post("three", room="ops-net")
    assert texts(tail.ended()) == ["before", "one", "two", "three"]


def test_a_room_that_is_renamed_or_archived_goes_on_and_comes_once() -> None:
    post("one", room="ops-disk")
    tail = Tail("ops-*", "--count", "3")
    tail.until("one")
    rename("Ops-disk", "disks")
    post("two", room="disks")
    tail.until("one", "two")
    rename("disks", "ops-disks")
    services.create_room("ops-last")
    post("three", room="ops-last")
    assert texts(tail.ended()) == ["one", "two", "three"]


def test_a_room_that_is_deleted_and_made_again_is_a_new_one() -> None:
    post("one", room="ops-disk")
    tail = Tail("ops-*", "--count", "2")
    tail.until("one")
    Room.objects.filter(name="Ops-disk").delete()
    tail.until("one", "deleted")
    services.create_room("ops-disk")
    post("two", room="ops-disk")
    assert texts(tail.ended()) == ["one", "deleted", "two"]


def test_a_glob_outlives_the_last_of_its_rooms() -> None:
    tail = Tail("ops-net*", "--count", "1")
    post("one", room="ops-net")
    tail.ended()
    tail = Tail("ops-net*", "--count", "2")
    tail.until("one")
    Room.objects.filter(name="ops-net").delete()
    tail.until("one", "deleted")
    services.create_room("ops-network")
    post("two", room="ops-network")
    assert texts(tail.ended()) == ["one", "deleted", "two"]


def test_a_name_between_globs_must_exist() -> None:
    out = io.StringIO()
    with pytest.raises(Exception, match="did you mean ops-net") as caught:
        call_command("chat_tail", "ops-*", "ops-nett", stdout=out)
    assert caught.value.returncode == 3  # type: ignore[attr-defined]
    assert out.getvalue() == ""


def test_a_room_that_was_there_before_joins_from_where_it_stood_unless_a_cursor_wants_all(tmp_path: Path) -> None:
    post("old", room="ops-disk")
    Room.objects.filter(name="Ops-disk").update(archived_at=timezone.now())
    cursor = tmp_path / "cursor"
    with_cursor = Tail("ops-d*", "--cursor-file", str(cursor), "--count", "2")
    tail = Tail("ops-d*", "--count", "1", "-n", "0")
    for each in (with_cursor, tail):
        wait_until(lambda each=each: "yet" in each.err.getvalue(), "that no room matches yet")  # type: ignore[misc]
    Room.objects.update(archived_at=None)
    post("new", room="ops-disk")
    assert texts(tail.ended()) == ["new"]
    assert texts(with_cursor.ended()) == ["old", "new"]
