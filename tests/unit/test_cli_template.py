"""Events as lines of the user's own form."""

import io
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management.base import OutputWrapper

from chatcli import template as module
from chatcli.console import INDENT, Console
from chatcli.template import FIELDS, Template, template
from chatcore.events import Author
from tests.unit.hostile import FORBIDDEN, HOSTILE
from tests.unit.sample import delete, edit, message


def line(source: str, **values: Any) -> str:
    return Template(source, UTC).line(message(**values))


def test_fields_stand_where_their_names_stood() -> None:
    assert line("{room} #{seq} {username}: {message}") == "newbox #42 alice: hello"
    assert line("no field at all") == "no field at all"
    assert line("") == ""


def test_every_key_of_the_message_object_is_a_field() -> None:
    everything = "|".join(f"{{{name}}}" for name in FIELDS)
    when = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    values = {
        "title": "T", "priority": 4, "tags": ["a", "b"], "format": "code", "url": "https://example.org/",
        "reply_to": 41, "mentions": ["bob"], "slot": "s", "client_id": "c", "edited_at": when, "expires_at": when,
    }  # fmt: skip
    assert line(everything, **values).split("|") == [
        "message", "newbox", "0199", "42", "57", "message", "hello", "alice", "alice", "T", "4", "a,b", "code",
        "https://example.org/", "41", "bob", "s", "c", "web", "2026-11-22T05:15:02+00:00",
        "2026-11-22T06:00:00+00:00", "2026-11-22T06:00:00+00:00", "false", "",
    ]  # fmt: skip
    assert line(everything).count("None") == 0, "what it has not is nothing"


def test_times_are_written_as_strftime_has_it_in_the_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert Template("{created_at:%H:%M} {created_at:%d.%m.%y}", zone).line(message()) == "06:15 22.11.26"
    assert Template("{created_at}", zone).line(message()) == "2026-11-22T06:15:02+01:00"
    assert line("{expires_at:%H:%M}") == "", "one that never expires"


def test_a_time_at_the_end_of_the_calendar_is_shown_too() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert Template("{expires_at:%Y}", ZoneInfo("Asia/Tokyo")).line(message(expires_at=last)) == "9999"


def test_doubled_braces_are_braces() -> None:
    assert line('{{"n": {seq}}} {{seq}} {{{seq}}}') == '{"n": 42} {seq} {42}'


def test_changes_have_their_own_type() -> None:
    assert Template("{type} {deleted}", UTC).line(edit()) == "edit false"
    assert Template("{type} {deleted}", UTC).line(delete()) == "delete true"


@pytest.mark.parametrize(
    "source",
    ["{author.name}", "{author[name]}", "{0}", "{}", "{ seq }", "{nonsense}", "{seq!r}", "{__class__}", "{change_id}"],
)
def test_nothing_else_of_pythons_format_language_is_there(source: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"no field .*: type, room, id, seq"):
        template(source)


@pytest.mark.parametrize("source", ["{seq:>10}", "{message:.3}", "{seq:}", "{author:%H}"])
def test_only_times_take_a_form(source: str) -> None:
    with pytest.raises(ArgumentTypeError, match="takes no form"):
        template(source)


@pytest.mark.parametrize("source", ["{", "}", "{seq", "seq}", "{seq}}", "{created_at:{seq}}", "{{seq}"])
def test_a_brace_of_its_own_is_told(source: str) -> None:
    with pytest.raises(ArgumentTypeError, match="of its own: write"):
        template(source)


def test_the_option_refuses_what_is_no_template(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    module.add_arguments(parser)
    assert parser.parse_args(["--template", "{seq}"]).template == "{seq}"
    with pytest.raises(SystemExit):
        parser.parse_args(["--template", "{sequence}"])
    assert "no field 'sequence': type, room" in capsys.readouterr().err
    assert "'{created_at:%H:%M} {username}: {message}'" in " ".join(parser.format_help().split())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_field_moves_the_cursor_or_begins_a_line(text: str) -> None:
    hostile = message(
        message=text, username=text, room=text, title=text, tags=[text], url=text, slot=text, client_id=text,
        mentions=[text], author=Author("user", "7", text),
    )  # fmt: skip
    stream = io.StringIO()
    console = Console(OutputWrapper(stream), colour=False)
    console.record([(Template("|".join(f"{{{name}}}" for name in FIELDS), UTC).line(hostile), "")])
    assert not [character for character in FORBIDDEN if character in stream.getvalue()]
    first, *others = stream.getvalue().split("\n")[:-1]
    assert first.startswith("message|")
    assert all(other.startswith(INDENT) for other in others)
    assert len(others) == text.count("\n"), "of all fields only the text may have several lines"


def test_a_name_passes_for_no_other_authors() -> None:
    assert line("{username}: {message}", username="admin: yes") == "admin:\\u0020yes: hello"
