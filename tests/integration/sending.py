"""`chat_send` within a test: what it prints, how it fails, what is stored."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcore import history
from chatcore.events import Message

#: Of the fixture `pipe`.
Pipe = Callable[[bytes], None]


def sent(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_send", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def answers(*arguments: str) -> list[dict[str, Any]]:
    """What the command says as JSON."""
    return [json.loads(line) for line in sent(*arguments, "--json").splitlines()]


def refused(*arguments: str) -> CommandError:
    """The error that the command ends with; it must have printed nothing."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_send", *arguments, stdout=out)
    assert out.getvalue() == ""
    assert str(caught.value).isprintable()
    return caught.value


def half_done(*arguments: str) -> tuple[CommandError, str, str]:
    """The error of a command that has printed all the same, its output and its talk."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_send", *arguments, stdout=out, stderr=err)
    return caught.value, out.getvalue(), err.getvalue()


def stored(room: str = "newbox") -> list[Message]:
    """All messages of the room."""
    return history.messages_after(history.room_named(room).id, 0, 2000)


def texts(room: str = "newbox") -> list[str]:
    """The texts of all messages of the room."""
    return [message.message for message in stored(room)]
