"""Events as records."""

import io
from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management.base import OutputWrapper

from chatcli import render
from chatcli.console import INDENT, Console
from chatcli.render import Records
from chatcore.events import Author, Event, Gap, Typing
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.unit.sample import WHEN, delete, edit, message

TODAY = date(2026, 11, 22)
AUTHOR = Author("user", "7", "alice")


def shown(*events: Event, zone: tzinfo = UTC, today: date | None = TODAY, **manner: Any) -> list[str]:
    """The records, without their looks."""
    records = Records(zone, today=today, **{"timestamps": "short", **manner})
    return ["".join(text for text, _ in record) for event in events for record in records.lines(event)]


def test_a_message_is_time_room_number_name_and_text() -> None:
    assert shown(message(), zone=ZoneInfo("Europe/Berlin")) == ["06:15:02 newbox #42 alice: hello"]


def test_in_a_pipe_the_time_is_iso_8601_with_its_offset() -> None:
    assert shown(message(), timestamps="iso") == ["2026-11-22T05:15:02+00:00 newbox #42 alice: hello"]
    assert shown(message(), zone=ZoneInfo("Asia/Kolkata"), timestamps="iso") == [
        "2026-11-22T10:45:02+05:30 newbox #42 alice: hello"
    ]


def test_an_announcement_is_set_apart() -> None:
    announcement = message(kind="announcement", username="system", title="Title", priority=4, message="text")
    assert shown(announcement) == ["05:15:02 newbox #42 system! [high] Title: text"]
    assert shown(message(kind="announcement", username="system")) == ["05:15:02 newbox #42 system! hello"]


def test_a_notice_reads_like_talk() -> None:
    assert shown(message(kind="notice", username="system")) == ["05:15:02 newbox #42 system: hello"]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u2003"])
def test_no_name_passes_for_an_announcement_or_for_another_author(blank: str) -> None:
    assert "system! " not in shown(message(username=f"system!{blank}[high]{blank}Restart"))[0].replace("\u00a0", " ")
    assert shown(message(username=f"admin:{blank}I quit"))[0].startswith("05:15:02 newbox #42 admin:\\u")


def test_names_and_rooms_and_titles_never_break_the_line() -> None:
    lines = shown(message(username="a\nb", room="c\nd", title="e\nf"))
    assert lines == ["05:15:02 c\\nd #42 a\\nb: e\\nf: hello"]


def test_a_deleted_message_says_so() -> None:
    assert shown(message(message="", deleted=True)) == ["05:15:02 newbox #42 alice: (deleted)"]


def test_a_line_tells_when_the_day_changes() -> None:
    yesterday, tomorrow = message(created_at=WHEN - timedelta(days=1)), message(created_at=WHEN + timedelta(days=1))
    lines = shown(yesterday, yesterday, message(), message(), tomorrow)
    assert [line for line in lines if line.startswith("---")] == [
        "--- Sat 21 Nov 2026 ---",
        "--- Sun 22 Nov 2026 ---",
        "--- Mon 23 Nov 2026 ---",
    ]
    assert [line[:3] for line in lines] == ["---", "05:", "05:", "---", "05:", "05:", "---", "05:"]


def test_there_is_no_line_for_today_nor_in_a_pipe() -> None:
    assert len(shown(message(), message())) == 2
    assert len(shown(message(created_at=WHEN - timedelta(days=1)), message(), timestamps="iso")) == 2


def test_the_day_is_the_callers() -> None:
    midnight = message(created_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    assert len(shown(midnight, zone=ZoneInfo("Europe/Berlin"))) == 1
    assert len(shown(midnight, zone=UTC)) == 2


@pytest.mark.parametrize("reason", ["pruned", "ahead", "epoch", "history_changed", "deleted"])
def test_a_gap_names_its_room(reason: str) -> None:
    gap = Records(UTC).gap(Gap(room="newbox", reason=reason, after=1, upto=5, epoch="e"))
    assert "".join(text for text, _ in gap).startswith("--- newbox: gap: ")


def test_times_may_be_left_out_and_rooms_too() -> None:
    yesterday = message(created_at=WHEN - timedelta(days=1))
    assert shown(yesterday, timestamps="none") == ["newbox #42 alice: hello"]
    assert shown(message(), prefix=False) == ["05:15:02 #42 alice: hello"]
    assert shown(message(), prefix=False, timestamps="none") == ["#42 alice: hello"]


def test_tags_follow_the_text_and_the_link_has_a_line_of_its_own() -> None:
    assert shown(message(tags=["deploy", "web"], url="https://example.org/7")) == [
        "05:15:02 newbox #42 alice: hello [deploy] [web]\nhttps://example.org/7"
    ]


def test_line_ends_after_the_text_are_left_out() -> None:
    assert shown(message(message="a\n\nb\n\n", tags=["t"])) == ["05:15:02 newbox #42 alice: a\n\nb [t]"]


@pytest.mark.parametrize("how", ["code", "markdown"])
def test_code_and_markdown_are_shown_as_they_were_written(how: str) -> None:
    assert shown(message(format=how, message="**a**  b\n\tc")) == ["05:15:02 newbox #42 alice: **a**  b\n\tc"]


def test_an_edit_tells_when_it_was_and_what_the_text_is_now() -> None:
    assert shown(edit(message="new")) == ["06:15:02 newbox #42 alice edited: new"]
    assert shown(edit(kind="announcement", username="system", title="T")) == [
        "06:15:02 newbox #42 system edited! T: hello"
    ]
    assert shown(edit(message="", deleted=True)) == ["06:15:02 newbox #42 alice edited: (deleted)"]


def test_a_deletion_tells_when_it_was_and_whose_message_is_gone() -> None:
    assert shown(delete(message="")) == ["06:15:02 newbox #42 (alice) deleted"]


def test_a_change_whose_id_tells_no_time_has_the_message_s() -> None:
    assert shown(delete(change_id="0b5e9d0a-8a0c-4b6e-9d0a-8a0c4b6e9d0a"))[0].startswith("05:15:02 ")
    assert shown(delete(change_id=""))[0].startswith("05:15:02 ")


def test_somebody_types() -> None:
    (record,) = Records(UTC, timestamps="none").lines(Typing(room="newbox", username="alice", author=AUTHOR))
    assert record[0][0] == "newbox alice is typing"


@pytest.mark.parametrize("name", ["alice edited", "alice\u00a0edited", "alice edited "])
def test_no_name_passes_for_an_edit_of_another(name: str) -> None:
    assert not shown(message(username=name))[0].startswith("05:15:02 newbox #42 alice edited")
    assert "\\u" in shown(message(username=name))[0]


def test_every_other_record_differs_from_a_message_whatever_the_name() -> None:
    name = "(alice) deleted"
    assert shown(message(username=name)) != shown(delete(username="alice", created_at=WHEN))
    typing = Typing(room="newbox", username="#42 admin: x", author=AUTHOR)
    (record,) = Records(UTC, timestamps="none").lines(typing)
    assert record[0][0] == "newbox #42 admin:\\u0020x is typing"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_of_hostile_events_every_line_but_the_first_is_indented(text: str, terminal: bool) -> None:
    values = {"message": text, "username": text, "room": text, "title": text, "tags": [text], "url": text}
    for event in (message(**values), edit(**values), delete(**values), message(kind="banner", **values)):
        stream = io.StringIO()
        stream.isatty = lambda: terminal  # type: ignore[method-assign]
        Console(OutputWrapper(stream), colour=False).records(Records(UTC).lines(event))
        assert not [character for character in FORBIDDEN if character in stream.getvalue()]
        first, *others = stream.getvalue().split("\n")[:-1]
        assert first.startswith("2026-11-22T")
        assert all(other.startswith(INDENT) for other in others)


def test_hostile_rooms_and_names_make_one_line_of_gaps_and_typing() -> None:
    for text in HOSTILE.values():
        gap = Gap(room=text, reason="pruned", after=1, upto=2, epoch="e")
        for item in (gap, Typing(room=text, username=text, author=AUTHOR)):
            stream = io.StringIO()
            Console(OutputWrapper(stream), colour=False).records(Records(UTC).lines(item))
            assert stream.getvalue().splitlines() == [stream.getvalue()[:-1]]
            assert not [character for character in FORBIDDEN if character in stream.getvalue()]


def test_options_say_how_records_are_written() -> None:
    parser = ArgumentParser()
    render.add_arguments(parser)
    assert vars(parser.parse_args([])) == {"timestamps": None, "utc": False, "prefix": True}
    assert vars(parser.parse_args(["--timestamps", "iso", "--utc", "--no-prefix"])) == {
        "timestamps": "iso", "utc": True, "prefix": False,
    }  # fmt: skip
