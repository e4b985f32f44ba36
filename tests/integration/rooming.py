"""`chat_rooms` called in this process: what it prints, and how it fails."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


def rooms(*arguments: str, error: str = "", **options: Any) -> str:
    """What `chat_rooms` prints; `error` is all that it may say on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_rooms", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == error
    return out.getvalue()


def answers(*arguments: str, **options: Any) -> list[dict[str, Any]]:
    """The objects that it prints with --json."""
    return [json.loads(line) for line in rooms(*arguments, "--json", **options).splitlines()]


def refused(*arguments: str, out: str = "", error: str = "", **options: Any) -> CommandError:
    """What it ends with; `out` and `error` are what it has printed before."""
    printed, said = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_rooms", *arguments, stdout=printed, stderr=said, **options)
    assert (printed.getvalue(), said.getvalue()) == (out, error)
    return caught.value
