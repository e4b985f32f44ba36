"""Messages for later, and asking servers how far messages have got."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor, Grant
from chatcore.exceptions import BadRequest, Forbidden, KeyReused, NotFound, RoomNotFound
from chatcore.history import RoomView
from chatcore.models import Room, Scheduled
from chatcore.services import Post
from tests.integration.writing import Rung, say

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def schedule(*posts: Post) -> list[services.Appointment]:
    return services.schedule_messages(posts, timezone.now() + HOUR)


def make_due() -> None:
    Scheduled.objects.update(due_at=timezone.now())


def test_a_scheduled_message_is_sent_when_it_is_due_and_not_before(newbox: RoomView) -> None:
    (appointment,) = schedule(Post("newbox", "later", title="T", tags=("x",), lifetime=HOUR, source="cli"))
    assert (appointment.room, appointment.message.seq, appointment.message.message) == ("newbox", 0, "later")
    assert services.deliver_due() == 0
    make_due()
    rung = Rung()
    assert services.deliver_due(announce=rung) == 1
    assert services.deliver_due() == 0
    (message,) = history.messages_after(newbox.id, 0, 10)
    assert (message.seq, message.message, message.title, message.tags, message.source) == (
        1,
        "later",
        "T",
        ["x"],
        "cli",
    )
    assert message.expires_at == message.created_at + HOUR
    assert rung.calls == 1
    assert Scheduled.objects.get().seq == 1


def test_many_servers_deliver_it_once(newbox: RoomView, elsewhere: Callable[..., int]) -> None:
    schedule(*(Post("newbox", str(number)) for number in range(20)))
    make_due()
    assert services.deliver_due() + elsewhere(services.deliver_due) == 20
    assert history.room_named("newbox").last_seq == 20


def test_it_is_refused_at_once_what_would_be_refused_later(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("news", announce_only=True)
    for post, error in (
        (Post("nowhere", "x"), RoomNotFound),
        (Post("news", "x", people["alice"]), Forbidden),
        (Post("newbox", "x", url="javascript:x"), BadRequest),
        (Post("newbox", "x", expires_at=timezone.now() + HOUR / 2), BadRequest),
    ):
        with pytest.raises(error):
            schedule(Post("newbox", "good"), post)
    with pytest.raises(BadRequest, match="over"):
        services.schedule_messages([Post("newbox", "x")], timezone.now() - HOUR)
    assert not Scheduled.objects.exists()


def test_what_is_refused_when_it_is_due_is_told_and_not_tried_again(newbox: RoomView) -> None:
    schedule(Post("newbox", "too late"))
    make_due()
    Room.objects.update(archived_at=timezone.now())
    assert services.deliver_due() == 0
    row = Scheduled.objects.get()
    assert (row.done_at is None, row.seq) == (False, None)
    assert "archived" in row.failure
    assert services.deliver_due() == 0


def test_a_person_needs_the_right_when_it_is_due(newbox: RoomView, people: dict[str, Actor]) -> None:
    schedule(Post("newbox", "notice", people["sam"], kind="notice"), Post("newbox", "hi", people["alice"]))
    User.objects.filter(username="sam").update(is_staff=False)
    make_due()
    assert services.deliver_due() == 1
    assert [message.username for message in history.messages_after(newbox.id, 0, 10)] == ["Alice"]


def test_a_cancelled_message_is_not_sent(newbox: RoomView) -> None:
    first, second = schedule(Post("newbox", "a"), Post("newbox", "b"))
    assert services.cancel_message(first.id).message.message == "a"
    make_due()
    assert services.deliver_due() == 1
    for gone in (first.id, second.id, "no-id", "0" * 32):
        with pytest.raises(NotFound):
            services.cancel_message(gone)
    with pytest.raises(NotFound, match="delivered as newbox #1"):
        services.cancel_message(second.id)


def test_a_key_schedules_once(newbox: RoomView) -> None:
    (first,) = schedule(Post("newbox", "a", key="k"))
    (again,) = schedule(Post("newbox", "a", key="k"))
    assert (again.id, again.due_at, again.duplicate) == (first.id, first.due_at, True)
    with pytest.raises(KeyReused):
        schedule(Post("newbox", "b", key="k"))
    make_due()
    assert services.deliver_due() == 1
    assert schedule(Post("newbox", "a", key="k"))[0].duplicate


def test_nobody_takes_or_meets_a_key_of_another_author(newbox: RoomView) -> None:
    grant = Grant(("newbox",), ("send",))
    one, two = (Actor("token", name, name, name, grant=grant) for name in ("one", "two"))
    authors = (("code", SYSTEM), (None, one), (None, two))
    long = "k" * 255
    for key in ("k", long):
        kept = [schedule(Post("newbox", name, actor, key=key, key_scope=scope))[0]
                for name, (scope, actor) in zip("abc", authors, strict=True)]  # fmt: skip
        assert [one.duplicate for one in kept] == [False] * 3
        assert schedule(Post("newbox", "b", one, key=key))[0].id == kept[1].id
        with pytest.raises(KeyReused):
            schedule(Post("newbox", "other", one, key=key))


def test_servers_answer_how_many_sockets_have_got_it(newbox: RoomView) -> None:
    services.create_room("ops")
    asked = timezone.now()
    inquiry = services.ask_delivery([("NEWBOX", 3), ("ops", 1)])
    assert history.deliveries(inquiry) == {}
    ((found, events),) = history.open_inquiries(asked - HOUR)
    assert (found, events) == (inquiry, [(newbox.id, 3), (history.room_named("ops").id, 1)])
    services.answer_delivery(inquiry, "here:1", 2)
    services.answer_delivery(inquiry, "here:1", 9)
    services.answer_delivery(inquiry, "there:1", 5)
    assert history.deliveries(inquiry) == {"here:1": 2, "there:1": 5}
    services.answer_delivery("0" * 32, "here:1", 2)
    with pytest.raises(RoomNotFound):
        services.ask_delivery([("nowhere", 1)])


def test_readers_are_counted_without_the_author(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "a", "b", actor=people["alice"])
    services.save_read_marks({(newbox.id, people["alice"].id): 2, (newbox.id, people["bob"].id): 2,
                              (newbox.id, people["carol"].id): 1})  # fmt: skip
    assert history.readers_of("NewBox", 1) == 2
    assert history.readers_of("newbox", 2) == 1
    assert history.readers_of("newbox", 3) == 0
