"""`message_posted`: who stored a message tells of it once it is committed, and never by half."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

import chatcore
from chatcore import services, signals
from chatcore.actors import SYSTEM
from chatcore.events import Message
from chatcore.history import RoomView
from chatcore.models import Scheduled
from chatcore.services import Post, Posted
from chatcore.signals import SignalThread, message_posted
from tests.integration.sending import sent
from tests.integration.sockets import Site, in_a_site
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class Heard(list[str]):
    """The texts that a receiver got, and in which threads."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def __call__(self, message: Message, **kwargs: object) -> None:
        self.append(f"{message.room} {message.message}")
        self.threads.add(threading.current_thread().name)


@pytest.fixture
def heard() -> Iterator[Heard]:
    receiver = Heard()
    message_posted.connect(receiver)
    yield receiver
    message_posted.disconnect(receiver)


def test_code_and_commands_tell_of_what_they_store(newbox: RoomView, heard: Heard) -> None:
    chatcore.post("newbox", "by code")
    sent("newbox", "by a command")
    assert heard == ["newbox by code", "newbox by a command"]


def test_only_what_is_new_is_told(newbox: RoomView, heard: Heard) -> None:
    for _ in range(2):
        chatcore.post("newbox", "once", key="k")
    chatcore.post("newbox", "first", slot="s")
    chatcore.post("newbox", "second", slot="s")  # an edit of the first
    services.post_messages([Post("newbox", "good"), Post("nowhere", "bad"), Post("newbox", "")])
    assert heard == ["newbox once", "newbox first", "newbox good"]


def test_what_is_rolled_back_is_not_told(newbox: RoomView, heard: Heard) -> None:
    with transaction.atomic():
        chatcore.post("newbox", "never")
        transaction.set_rollback(True)
    assert heard == []
    with transaction.atomic():
        chatcore.post("newbox", "later")
        assert heard == [], "not before the commit"
    assert heard == ["newbox later"]


def test_what_falls_due_is_told_and_may_be_answered(newbox: RoomView, heard: Heard) -> None:
    def answer(message: Message, **kwargs: object) -> None:
        if message.message == "ping":
            chatcore.post(message.room, "pong")

    message_posted.connect(answer)
    try:
        services.schedule_messages([Post("newbox", "ping", actor=SYSTEM)], timezone.now() + timedelta(hours=1))
        Scheduled.objects.update(due_at=timezone.now())
        assert services.deliver_due() == 1
    finally:
        message_posted.disconnect(answer)
    assert sorted(heard) == ["newbox ping", "newbox pong"]


def test_people_s_messages_are_told_by_the_server_in_a_thread_beside(newbox: RoomView, heard: Heard) -> None:
    alice = User.objects.create_user("alice")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.until("open")
            client.say(type="send", client_id="c1", message="hello")
            await client.until("sent")

    in_a_site(check)
    wait_until(lambda: heard, "the receiver")
    assert heard == ["newbox hello"]
    [thread] = heard.threads
    assert thread.startswith("chat-signals")


def test_a_receiver_that_fails_harms_nobody(newbox: RoomView, heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    def fails(**kwargs: object) -> None:
        raise ZeroDivisionError

    message_posted.connect(fails)
    try:
        assert chatcore.post("newbox", "hello").seq == 1
    finally:
        message_posted.disconnect(fails)
    assert heard == ["newbox hello"]
    assert "a receiver of message_posted failed" in caplog.text


def test_too_much_for_a_slow_receiver_is_left_out_and_said(
    newbox: RoomView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(signals, "_MOST_WAITING", 1)
    message = chatcore.post("newbox", "hello")
    assert isinstance(message, Message)
    begun, go_on, told = threading.Event(), threading.Event(), []

    def slow(message: Message, **kwargs: object) -> None:
        begun.set()
        go_on.wait()
        told.append(message.seq)

    message_posted.connect(slow)
    thread = SignalThread()
    try:
        thread.tell([message, message])
        begun.wait()
        with caplog.at_level(logging.ERROR):
            thread.tell([message])
        assert "too slow: 1 messages are not told" in caplog.text
        go_on.set()
        wait_until(lambda: len(told) == 2, "those before")
    finally:
        go_on.set()
        thread.close()
        message_posted.disconnect(slow)


def test_what_is_stored_while_the_server_ends_is_stored_though_nobody_is_told(
    newbox: RoomView, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    thread = SignalThread()
    thread.close()
    (result,) = services.post_messages([Post("newbox", "late")], tell=thread.tell)
    assert isinstance(result, Posted)
    assert "message_posted: the server ends, 1 messages are not told" in caplog.text
    assert heard == []


def test_while_nobody_listens_nothing_is_done(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    tell: Callable[[object], object] = called.append
    services.post_messages([Post("newbox", "hello")], tell=tell)
    assert called == []
