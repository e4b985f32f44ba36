"""What the words and options of `chat_tail` mean together."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest

from chatcli import times
from chatcli.tail.cursor import Position
from chatcli.tail.reading import page_size
from chatcli.tail.selection import Selection
from chatcli.tail.source import RoomLog
from chatcore.exceptions import BadRequest


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMLINE_CALLER_TZ", "Europe/Berlin")


def until(text: str, since: datetime | None = None, *, ahead: bool = True) -> timedelta:
    """How far from now the end is."""
    return times.until(text, since=since, ahead=ahead) - datetime.now(UTC)


def test_an_end_is_ahead_for_who_follows_and_behind_for_who_does_not() -> None:
    assert timedelta(minutes=9) < until("10m") <= timedelta(minutes=10)
    assert timedelta(minutes=-11) < until("10m", ahead=False) <= timedelta(minutes=-10)
    assert timedelta() < until("12:00") <= timedelta(days=1, hours=1)
    assert timedelta(days=-1, hours=-1) <= until("12:00", ahead=False) <= timedelta()


def test_a_clock_after_a_beginning_is_the_first_one_after_it() -> None:
    since = datetime(2026, 11, 20, 10, tzinfo=UTC)  # 11:00 in Berlin
    for ahead in (True, False):
        assert times.until("12:30", since=since, ahead=ahead) == datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
        assert times.until("10:30", since=since, ahead=ahead) == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert times.until("2026-11-20 12:00", since=None, ahead=True) == datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "24:00", "noon", "5", "2026-02-30", "1w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        until(text)


def log(name: str, epoch: str = "", *, archived: bool = False, key: str = "") -> RoomLog:
    return RoomLog(hash(name), name, key or name, archived, 0, 0, 0, epoch or f"epoch of {name}")


LOGS = [log("newbox"), log("ops-disk"), log("ops-net"), log("ops-old", archived=True), log("Straße", key="strasse")]


def names(*words: str, saved: dict[str, str] | None = None, all_rooms: bool = False) -> list[str]:
    places = {key: Position(1, None, epoch) for key, epoch in (saved or {}).items()}
    chosen, unknown = Selection(words, all_rooms).rooms(LOGS, places)
    assert unknown == []
    return [room.name for room in chosen]


def test_words_choose_rooms_once_each() -> None:
    assert names("NEWBOX", "new*", "newbox") == ["newbox"]
    assert names("STRASSE") == names("straße") == names("stra?e*", "STRA*") == ["Straße"]
    assert names("*-[dn]*") == ["ops-disk", "ops-net"]
    assert names("ops-old") == ["ops-old"]
    assert names(all_rooms=True) == ["newbox", "ops-disk", "ops-net", "Straße"]


def test_a_saved_cursor_brings_back_what_was_renamed_or_archived() -> None:
    assert names("ops-*", saved={"ops-old": "epoch of ops-old"}) == ["ops-disk", "ops-net", "ops-old"]
    assert names("chat", saved={"chat": "epoch of newbox"}) == ["newbox"]
    assert names("ops-disk", saved={"ops-disk": "epoch of newbox"}) == ["ops-disk"], "there is one of this name"
    assert names("newbox", saved={"ops-net": "epoch of ops-net"}) == ["newbox"]
    assert names("ops-d*", saved={"ops-dead": "an epoch that is over"}) == ["ops-disk"]


@pytest.mark.parametrize("word", ["[", "[]", "[!]", "*[z-a]*", "ops-[", "\\*"])
def test_strange_globs_match_what_they_match_and_break_nothing(word: str) -> None:
    assert names(word) == []


def test_names_that_are_nobodys_are_known() -> None:
    chosen, unknown = Selection(["nowhere", "NEWBOX", "ops-*"], all_rooms=False).rooms(LOGS, {})
    assert [room.name for room in chosen] == ["newbox", "ops-disk", "ops-net"]
    assert unknown == ["nowhere"]


def test_which_globs_have_no_room_is_known() -> None:
    selection = Selection(["ops-*", "web-*", "newbox"], all_rooms=False)
    assert selection.grows
    assert selection.unmatched(["ops-disk", "newbox"]) == ["web-*"]
    assert Selection([], all_rooms=True).unmatched([]) == []
    assert not Selection(["newbox"], all_rooms=False).grows


def test_rooms_or_all_of_them() -> None:
    for words, all_rooms in (([], False), (["x"], True)):
        with pytest.raises(BadRequest):
            Selection(words, all_rooms)


def test_pages_of_many_rooms_are_small() -> None:
    assert [page_size(rooms) for rooms in (0, 1, 40, 100, 10_000)] == [500, 500, 500, 200, 20]
