"""CHAT_RATE and `chat_send`: who sends as a person is held to the person's rate within one process, nobody else is."""

import time

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from chatcli.sending import storing
from chatcore.history import RoomView
from chatcore.rates import Buckets
from chatcore.services import create_room
from tests.integration.sending import Pipe, refused, sent, texts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process of its own."""
    monkeypatch.setattr(storing, "_spent", Buckets())


@pytest.fixture(autouse=True)
def alice(newbox: RoomView) -> User:
    return User.objects.create_user("alice")


@override_settings(CHAT_RATE="1/h burst 2")
def test_a_person_s_message_too_many_is_refused_with_how_long_to_wait() -> None:
    for text in ("one", "two"):
        sent("newbox", "--as", "alice", text)
    error = refused("newbox", "--as", "alice", "three", "--timeout", "1")
    assert error.returncode == 5
    assert "too many messages: wait 3" in str(error)
    for change in (["--edit", "1", "ONE"], ["--delete", "1"]):
        assert refused("newbox", "--as", "alice", *change, "--timeout", "1").returncode == 5
    assert texts() == ["one", "two"]


@override_settings(CHAT_RATE="1/h burst 1")
def test_the_system_and_its_bots_have_no_rate(pipe: Pipe) -> None:
    for _ in range(3):
        sent("newbox", "hello")
        sent("newbox", "--name", "builds", "hello")
    pipe(b"a\nb\nc\n")
    sent("newbox", "--lines")
    assert len(texts()) == 9


@override_settings(CHAT_RATE="off")
def test_without_a_rate_a_person_sends_as_fast_as_it_goes(pipe: Pipe) -> None:
    pipe(b"line\n" * 300)
    sent("newbox", "--lines", "--as", "alice")
    assert len(texts()) == 300


@override_settings(CHAT_RATE="20/s burst 1")
def test_a_refusal_that_is_soon_over_is_waited_for() -> None:
    for number in range(3):
        sent("newbox", "--as", "alice", str(number))
    assert texts() == ["0", "1", "2"]


@override_settings(CHAT_RATE="1/h burst 2")
def test_a_message_to_more_rooms_than_a_burst_goes_out_once() -> None:
    for name in ("one", "two"):
        create_room(name)
    sent("newbox,one,two", "--as", "alice", "hello")
    assert refused("newbox,one,two", "--as", "alice", "again", "--timeout", "1").returncode == 5


@override_settings(CHAT_RATE="40/s burst 5")
def test_many_lines_of_a_person_go_out_at_the_person_s_rate_and_none_is_refused(pipe: Pipe) -> None:
    pipe(b"".join(b"line %d\n" % number for number in range(25)))
    began = time.monotonic()
    assert sent("newbox", "--lines", "--as", "alice") == "newbox #1..#25 (25 sent)\n"
    assert time.monotonic() - began >= 20 / 40 * 0.99, "no sooner than the rate lets it"
    assert texts() == [f"line {number}" for number in range(25)]
