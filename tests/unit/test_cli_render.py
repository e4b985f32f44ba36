"""Events as records."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chatcli.render import Records
from chatcore.events import Author, Gap, Message

TODAY = date(2026, 11, 22)
WHEN = datetime(2026, 11, 22, 5, 15, 2, 481930, UTC)


def message(**values: Any) -> Message:
    fields: dict[str, Any] = {
        "room": "newbox", "id": "0199", "seq": 42, "rev": 57, "kind": "message", "message": "hello",
        "username": "alice",
        "author": Author("user", "7", "alice"), "source": "web", "created_at": WHEN,
    }  # fmt: skip
    return Message(**{**fields, **values})


def shown(*messages: Message, zone: tzinfo = UTC, short: bool = True, today: date | None = TODAY) -> list[str]:
    """The lines, without their looks."""
    records = Records(zone, short=short, today=today)
    return ["".join(text for text, _ in record) for each in messages for record in records.message(each)]


def test_a_message_is_time_room_number_name_and_text() -> None:
    assert shown(message(), zone=ZoneInfo("Europe/Berlin")) == ["06:15:02 newbox #42 alice: hello"]


def test_in_a_pipe_the_time_is_iso_8601_with_its_offset() -> None:
    assert shown(message(), short=False) == ["2026-11-22T05:15:02+00:00 newbox #42 alice: hello"]
    assert shown(message(), zone=ZoneInfo("Asia/Kolkata"), short=False) == [
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
    assert len(shown(message(created_at=WHEN - timedelta(days=1)), message(), short=False)) == 2


def test_the_day_is_the_callers() -> None:
    midnight = message(created_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    assert len(shown(midnight, zone=ZoneInfo("Europe/Berlin"))) == 1
    assert len(shown(midnight, zone=UTC)) == 2


@pytest.mark.parametrize("reason", ["pruned", "ahead", "epoch", "history_changed", "deleted"])
def test_a_gap_names_its_room(reason: str) -> None:
    gap = Records(UTC, short=True).gap(Gap(room="newbox", reason=reason, after=1, upto=5, epoch="e"))
    assert "".join(text for text, _ in gap).startswith("--- newbox: gap: ")
