"""When `chat_tail` ends, and which of the log's events it shows."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcore import services
from chatcore.models import Message
from tests.integration.tailing import ALICE, Tail, post, refused, tailed, texts
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _newbox(transactional_db: None) -> None:
    services.create_room("newbox")


def unix(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"


def test_an_end_in_the_past_ends_what_is_printed() -> None:
    post("old", "new", "newest")
    Message.objects.filter(seq=1).update(created_at=datetime.now(UTC) - timedelta(hours=3))
    end = Message.objects.get(seq=3).created_at
    assert texts(tailed("newbox", "--no-follow", "--until", "1h", "--json")) == ["old"]
    assert texts(tailed("newbox", "--until", unix(end), "--json")) == ["old", "new"]
    assert texts(tailed("newbox", "--since", "1h", "--until", unix(end), "--json")) == ["new"]
    assert texts(tailed("newbox", "-n0", "--until", unix(end), "--json")) == []


def test_an_end_to_come_is_waited_for_and_is_success() -> None:
    post("before")
    tail = Tail("newbox", "--until", unix(datetime.now(UTC) + timedelta(seconds=1.5)))
    tail.until("before")
    post("live")
    assert texts(tail.ended()) == ["before", "live"]
    assert tail.failure is None


def test_an_end_before_the_beginning_is_a_usage_error() -> None:
    assert refused("newbox", "--since", "1h", "--until", "2h", "--no-follow").returncode == 2
    assert refused("newbox", "--until", "25:00").returncode == 2
    assert refused("newbox", "--until", "soon").returncode == 2


def test_idle_counts_from_what_was_shown_last() -> None:
    post("before")
    tail = Tail("newbox", "--idle", "1.5", "--exclude", "noise")
    tail.until("before")
    post("live", "noise")
    assert texts(tail.ended()) == ["before", "live"]
    assert tail.failure is not None
    assert tail.failure.returncode == 124
    assert refused("newbox", "--idle", "1", "--no-follow").returncode == 2


def test_count_applies_after_the_filters() -> None:
    post("a", "noise", "b", "noise", "c")
    assert texts(tailed("newbox", "--grep", "^[abc]$", "--count", "2", "--json")) == ["a", "b"]
    tail = Tail("newbox", "-n0", "--grep", "^go$", "--count", "1", "--timeout", "60")

    def seen() -> str:  # what was said before it began does not count
        post("not yet", "go")
        return tail.out.getvalue()

    wait_until(seen, "the awaited message")
    assert texts(tail.ended()) == ["go"]
    assert tail.failure is None


def test_count_is_no_more_when_several_rooms_have_news_at_once() -> None:
    rooms = [services.create_room(f"room{number}").name for number in range(8)]
    tail = Tail("--all", "--count", "3")
    wait_until(lambda: services.post_messages([services.Post(room, "x") for room in rooms]) and tail.has(3)(), "three")
    assert tail.ended().count("\n") == 3
    assert tail.failure is None


def test_changes_come_as_events_of_their_own() -> None:
    post("one", "two")
    services.edit_message("newbox", 1, "edited", ALICE)
    services.delete_message("newbox", 2, ALICE)
    post("three")
    shown = [json.loads(line) for line in tailed("newbox", "--no-follow", "--events", "changes", "--json").splitlines()]
    assert [(event["type"], event["seq"], event["rev"]) for event in shown] == [
        ("message", 1, 1), ("message", 2, 2), ("edit", 1, 3), ("delete", 2, 4), ("message", 3, 5),
    ]  # fmt: skip
    assert texts(tailed("newbox", "--no-follow", "--json")) == ["edited", "", "three"]
    text = tailed("newbox", "--no-follow", "--events", "changes", "--timestamps", "none", "--no-prefix").splitlines()
    assert text[2] == "#1 alice edited: edited"


def test_live_changes_come_when_they_are_wanted() -> None:
    post("one")
    tail = Tail("newbox", "--events", "changes", "--count", "3")
    tail.until("one")
    services.edit_message("newbox", 1, "edited", ALICE)
    tail.until("one", "edited")
    services.delete_message("newbox", 1, ALICE)
    assert texts(tail.ended()) == ["one", "edited", ""]


def test_forms_that_exclude_each_other_are_a_usage_error() -> None:
    assert refused("newbox", "--json", "--template", "{message}").returncode == 2
    assert refused("newbox", "--json", "-o", "text").returncode == 2
    assert refused("newbox", "--exec", "true", "--json").returncode == 2
    post("x")
    assert tailed("newbox", "--no-follow", "-o", "json", "--json").count("\n") == 1
    assert tailed("newbox", "--no-follow", "--template", "{seq}: {message}") == "1: x\n"


def test_a_timeout_also_ends_what_has_not_begun_to_follow() -> None:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_tail", "newbox", "--timeout", "0.3", "--quiet", stdout=out)
    assert caught.value.returncode == 124
    assert out.getvalue() == ""


@pytest.mark.slow
def test_a_handler_that_hangs_is_ended_some_time_after_the_time_is_over() -> None:
    post("one")
    failure = refused("newbox", "-n1", "--exec", "exec sleep 600", "--timeout", "0.2")
    assert failure.returncode == 124


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"grep": "n"}, ["one"]),
        ({"grep": ["n", "w"], "exclude": "w"}, ["one"]),
        ({"lines": 1}, ["two"]),
        ({"tags": "x"}, []),
    ],
)
def test_options_from_python_are_read_as_if_they_were_typed(options: dict[str, object], shown: list[str]) -> None:
    post("one", "two")
    assert texts(tailed("newbox", "--no-follow", "--json", **options)) == shown


@pytest.mark.parametrize("options", [{"lines": -3}, {"grep": "("}, {"timeout": "x"}, {"count": 0}])
def test_wrong_options_from_python_are_usage_errors(options: dict[str, object]) -> None:
    with pytest.raises(CommandError) as raised:
        tailed("newbox", "--no-follow", **options)
    assert raised.value.returncode == 2
