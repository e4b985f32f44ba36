"""What tests of `chat_tail` share: messages, and the command run to its end or in a thread beside the test."""

import io
import json
import threading
from collections.abc import Callable
from typing import Any, Self

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from chatcore import services
from chatcore.actors import Actor
from chatcore.exceptions import ChatError
from chatcore.models import Message, Room
from tests.waiting import DEADLINE_S, wait_until

ALICE = Actor("user", "7", "alice", "alice", is_superuser=True)


def post(*texts: str, room: str = "newbox", actor: Actor = ALICE) -> None:
    """Put messages into the room."""
    for text in texts:
        (posted,) = services.post_messages([services.Post(room, text, actor)])
        assert not isinstance(posted, ChatError)


def prune(upto: int, room: str = "newbox") -> None:
    """Remove the oldest messages, as retention does."""
    Message.objects.filter(room__name=room, seq__lte=upto).delete()
    Room.objects.filter(name=room).update(floor=upto)


def tailed(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_tail", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    """The error with which the command ends before it has printed anything."""
    out = io.StringIO()
    try:
        call_command("chat_tail", *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        assert out.getvalue() == ""
        return error
    raise AssertionError(f"it ended well: {out.getvalue()}")


def texts(output: str) -> list[str]:
    """The texts of JSON lines; gaps by their reasons."""
    return [found.get("message", found.get("reason")) for found in map(json.loads, output.splitlines())]


class Tail:
    """The command in a thread, printing JSON, until it ends by itself."""

    def __init__(self, *arguments: str) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.failure: CommandError | None = None
        self.thread = threading.Thread(target=self._run, args=arguments)
        self.thread.start()

    def _run(self, *arguments: str) -> None:
        try:
            call_command("chat_tail", *arguments, "--json", stdout=self.out, stderr=self.err)
        except CommandError as error:
            self.failure = error
        finally:
            connections.close_all()

    def has(self, count: int) -> Callable[[], bool]:
        """Whether so many lines are there."""
        return lambda: self.out.getvalue().count("\n") >= count

    def until(self, *expected: str) -> Self:
        """Wait until so many records are there, which must be these."""
        wait_until(self.has(len(expected)), f"{expected}, there is {self.out.getvalue()}{self.err.getvalue()}")
        assert texts(self.out.getvalue()) == list(expected)
        return self

    def ended(self) -> str:
        """What it printed, once it has ended."""
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()
        return self.out.getvalue()
