"""A line of the log: one record is one line whatever is in it, and nothing in it moves a cursor."""

import io
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from hypothesis import given
from hypothesis import strategies as st

from chatcli.logs import JSONFormatter, JSONOutput, LineFormatter
from chatcore.token_texts import new_token_text

HOSTILE = "a\x1b]52;c;cm0=\x07b\x9b2Jc\u202ed\u2028e\rf\x00g\x7f"
LINES = LineFormatter("{levelname} {name}: {message}", style="{")
ANY_TEXT = st.text(st.characters(codec=None, categories=None))


def record(message: object, *args: object, exc_info: Any = None, **extra: Any) -> logging.LogRecord:
    """As a logger makes one."""
    return logging.getLogger("chat").makeRecord(
        "chat", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )


def failure() -> Any:
    """What `sys.exc_info()` says of an exception with a hostile text."""
    try:
        raise ValueError(HOSTILE + "\n2026-11-23 00:00:00,000 WARNING chat: forged")
    except ValueError:
        return sys.exc_info()


def is_unsafe(character: str) -> bool:
    return (ord(character) < 32 and character not in "\n\t") or character in "\x7f\u2028\u202e\x9b"


def fields(made: logging.LogRecord) -> dict[str, Any]:
    line = JSONFormatter().format(made)
    assert "\n" not in line
    assert line.isascii()
    assert not any(map(is_unsafe, line))
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_of_text_is_as_it_was() -> None:
    assert LINES.format(record("refused %s: %d", "10.0.0.1", 403)) == "WARNING chat: refused 10.0.0.1: 403"


def test_text_shows_what_could_move_a_cursor_as_an_escape() -> None:
    line = LINES.format(record("refused %s", HOSTILE))
    assert line.startswith("WARNING chat: refused a\\x1b]52;c;cm0=\\x07b\\x9b2Jc\\u202ed\\u2028e\\rf\\x00g")
    assert not any(map(is_unsafe, line))


@pytest.mark.parametrize("form", [LINES, JSONFormatter()])
def test_of_a_token_the_public_part_is_shown_alone(form: logging.Formatter) -> None:
    text = new_token_text()
    try:
        raise ValueError(f"what is {text}?")
    except ValueError:
        made = record("GET /api/hooks/%s: 404", text, exc_info=sys.exc_info(), path=f"/api/hooks/{text}/")
    line = form.format(made)
    assert text.secret not in line
    assert f"/api/hooks/rl_{text.id}_..." in line


def test_what_follows_the_first_line_of_text_cannot_pass_for_another_record() -> None:
    first, *rest = LINES.format(record("failed\nWARNING chat: forged", exc_info=failure())).split("\n")
    assert first == "WARNING chat: failed"
    assert len(rest) > 4
    assert all(line.startswith("    ") for line in rest)
    assert not any(map(is_unsafe, "\n".join(rest)))


def test_json_has_the_time_the_level_the_logger_and_the_message() -> None:
    made = record("refused %s", "10.0.0.1")
    found = fields(made)
    assert found.pop("time").endswith("Z")
    assert found == {"level": "warning", "logger": "chat", "message": "refused 10.0.0.1"}


def test_the_time_in_json_is_that_of_the_record_in_utc() -> None:
    made = record("hello")
    made.created = 1_700_000_000.25
    assert fields(made)["time"] == "2023-11-14T22:13:20.250000Z"
    assert datetime.fromisoformat(fields(made)["time"]) == datetime.fromtimestamp(made.created, UTC)


def test_an_exception_is_a_field_on_the_same_line() -> None:
    found = fields(record("it failed", exc_info=failure()))
    assert found["message"] == "it failed"
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError: a\x1b]52" in found["exception"]


def test_a_traceback_within_a_message_becomes_that_field() -> None:
    found = fields(record('Exception inside application: no\n  File "a.py", line 1, in f\n    no()\n  no'))
    assert found["message"] == "Exception inside application: no"
    assert found["exception"].startswith('  File "a.py"')


def test_what_is_given_as_extra_is_a_field_and_overrides_none() -> None:
    class Peer:
        def __str__(self) -> str:
            return "a peer"

    found = fields(record("refused", client="10.0.0.1", code=403, peer=Peer(), level="forged", logger="forged"))
    assert (found["client"], found["code"], found["peer"]) == ("10.0.0.1", 403, "a peer")
    assert (found["level"], found["logger"]) == ("warning", "chat")


@pytest.mark.parametrize("value", ["\ud800", {1: {2, 3}, (4,): 5}, [object()], float("nan"), 10**30, b"\xff"])
def test_no_value_can_make_a_line_get_lost(value: object) -> None:
    assert "refused" in fields(record("refused %s", value, what=value))["message"]


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_one_safe_line_of_json_and_safe_text(message: str, extra: str) -> None:
    found = fields(record("%s", message, what=extra))
    assert found["logger"] == "chat"
    line = LINES.format(record("%s", message))
    assert not any(map(is_unsafe, line))
    assert all(part.startswith("    ") for part in line.split("\n")[1:])


@pytest.mark.parametrize(
    ("level", "said", "message", "meant"),
    [
        (logging.INFO, "Ready: http://127.0.0.1:8000/", "Ready: http://127.0.0.1:8000/", "info"),
        (logging.INFO, "  send     ./manage.py\n", "send     ./manage.py", "info"),
        (logging.ERROR, "Warning: no broker", "no broker", "warning"),
        (logging.ERROR, "CommandError: port 8000 is in use", "port 8000 is in use", "error"),
        (logging.ERROR, "anything\x1b[31m else", "anything\x1b[31m else", "error"),
    ],
)
def test_what_a_command_says_is_a_line_of_json(level: int, said: str, message: str, meant: str) -> None:
    stream = io.StringIO()
    JSONOutput(OutputWrapper(stream), level).write(said)
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert (found["logger"], found["message"], found["level"]) == ("runchat", message, meant)


def test_nothing_said_is_no_line() -> None:
    stream = io.StringIO()
    JSONOutput(OutputWrapper(stream), logging.INFO).write("\n")
    assert stream.getvalue() == ""
