"""`create_room` with a database."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcore import history
from chatcore.models import Membership, Room

pytestmark = pytest.mark.django_db


def created(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("create_room", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    """The error that the command ends with; it must have printed nothing."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("create_room", *arguments, stdout=out)
    assert out.getvalue() == ""
    return caught.value


def test_a_room_is_created_and_named() -> None:
    assert created("newbox") == "Created room newbox\n"
    assert history.room_named("NEWBOX").name == "newbox"


def test_an_existing_room_is_refused_and_the_ways_on_are_named() -> None:
    created("newbox")
    error = refused("NewBox")
    assert error.returncode == 4
    assert "--if-not-exists" in str(error)
    assert "--update" in str(error)


def test_an_existing_room_may_be_left_as_it_is() -> None:
    created("newbox", "--title", "Before")
    assert created("newbox", "--if-not-exists", "--title", "After") == "Room newbox exists\n"
    assert history.room_named("newbox").title == "Before"
    assert created("other", "--if-not-exists") == "Created room other\n"


def test_an_existing_room_may_be_updated_by_what_is_given() -> None:
    created("newbox", "--title", "Before", "--topic", "stays", "--retention", "30d", "--max-length", "100")
    assert created("newbox", "--update", "--title", "After", "--retention", "forever") == "Updated room newbox\n"
    room = history.room_named("newbox")
    assert (room.title, room.topic, room.retention, room.max_length) == ("After", "stays", None, 100)
    assert created("other", "--update") == "Created room other\n"


def test_every_option_reaches_the_room() -> None:
    for name in ("alice", "bob", "carol"):
        get_user_model().objects.create_user(name)
    arguments = ["--private", "--announce-only", "--owner", "alice", "--member", "bob", "--member", "carol"]
    created("ops", "--title", "Ops", "--topic", "Work", "--retention", "30d", "--max-length", "500", *arguments)
    room = history.room_named("ops")
    assert (room.title, room.topic, room.private, room.announce_only) == ("Ops", "Work", True, True)
    assert (room.retention, room.max_length) == (timedelta(days=30), 500)
    roles = dict(Membership.objects.filter(room__name="ops").values_list("user_name", "role"))
    assert roles == {"alice": "owner", "bob": "member", "carol": "member"}


def test_an_unknown_account_is_an_error_and_creates_nothing() -> None:
    get_user_model().objects.create_user("alice")
    error = refused("ops", "--owner", "alcie")
    assert error.returncode == 3
    assert "alice" in str(error)
    assert not Room.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a" * 65,
        "a/b",
        "a\\b",
        "..",
        "a\nb",
        "a*",
        "a#b",
        "a?",
        "a:b",
        "a,b",
        "👋",
        "<script>",
        ".hidden",
        "a ",
    ],
)
def test_a_name_that_no_room_can_have_is_refused_with_one_safe_line(name: str) -> None:
    error = refused("--", name)
    assert error.returncode == 2
    assert str(error).isprintable()


def test_json_is_one_object() -> None:
    answer = json.loads(created("newbox", "--json", "--title", "T", "--retention", "1d"))
    assert answer["status"] == "created"
    assert answer["room"]["name"] == "newbox"
    assert answer["room"]["retention"] == 86400
    assert json.loads(created("newbox", "--json", "--if-not-exists"))["status"] == "kept"


@pytest.mark.parametrize("options", [["-q"], ["-q", "--json"], ["-v0"]])
def test_nothing_is_printed_when_nothing_is_wanted(options: list[str]) -> None:
    assert created("newbox", *options) == ""
    assert created("newbox", "--if-not-exists", *options) == ""


def test_it_can_be_called_from_code() -> None:
    assert created("newbox", title="From code", retention=timedelta(days=2)) == "Created room newbox\n"
    assert history.room_named("newbox").title == "From code"
