"""Slots, `once` and banners: what is sent again and again, and stands once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatcore import events, history, services
from chatcore.actors import SYSTEM, Actor, bot
from chatcore.exceptions import BadRequest, Forbidden, KeyReused, RoomNotFound
from chatcore.history import RoomView
from chatcore.models import Change, Message, Scheduled
from chatcore.services import Post, Posted
from tests.integration.writing import Rung, posted, refusal, say

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def outcome(post: Post) -> tuple[str, int, str]:
    """How the post came into the room, under which number, with which text."""
    (result,) = services.post_messages([post])
    assert isinstance(result, Posted), result
    return result.outcome, result.message.seq, result.message.message


def earlier(hours: float) -> None:
    """Let all messages have been sent, and edited, so much earlier."""
    for row in Message.objects.all():
        row.created_at -= hours * HOUR
        if row.edited_at is not None:
            row.edited_at -= hours * HOUR
        row.save(update_fields=["created_at", "edited_at"])


def test_a_slot_keeps_one_message_up_to_date(newbox: RoomView) -> None:
    assert outcome(Post("newbox", "disk 80%", slot="disk", title="Disk", priority=2)) == ("sent", 1, "disk 80%")
    say("newbox", "talk")
    rung = Rung()
    (result,) = services.post_messages([Post("newbox", "disk 91%", slot="disk", priority=4)], announce=rung)
    assert isinstance(result, Posted)
    assert isinstance(result.message, events.Edit)
    assert (result.outcome, result.message.seq, result.message.rev) == ("edited", 1, 3)
    assert (result.message.message, result.message.title, result.message.priority) == ("disk 91%", None, 4)
    assert [(batch.prev, batch.head, list(batch.payloads)) for batch in rung] == [
        (2, 3, [events.encode(result.message)])
    ]
    page = history.events_after(newbox.id, 0, 10)
    assert page.state.head == len(page.payloads) == 3


def test_the_same_again_in_a_slot_is_no_event(newbox: RoomView) -> None:
    outcome(Post("newbox", "disk 80%", slot="disk", tags=("disk",)))
    assert outcome(Post("newbox", "disk 80%", slot="disk", tags=("disk",))) == ("duplicate", 1, "disk 80%")
    assert history.room_named("newbox").head == 1


def test_a_slot_whose_message_was_deleted_or_has_expired_begins_anew(newbox: RoomView) -> None:
    outcome(Post("newbox", "a", slot="s"))
    services.delete_message("newbox", 1, SYSTEM)
    assert outcome(Post("newbox", "b", slot="s", lifetime=HOUR)) == ("sent", 2, "b")
    Message.objects.filter(seq=2).update(expires_at=timezone.now())
    assert outcome(Post("newbox", "c", slot="s")) == ("sent", 3, "c")


def test_slots_of_one_batch_see_one_another(newbox: RoomView) -> None:
    posts = [Post("newbox", "a", slot="s"), Post("newbox", "x"), Post("newbox", "b", slot="s"), Post("newbox", "y")]
    results = services.post_messages(posts)
    assert [(r.outcome, r.message.seq, r.message.rev) for r in results if isinstance(r, Posted)] == [
        ("sent", 1, 1), ("sent", 2, 2), ("edited", 1, 3), ("sent", 3, 4),
    ]  # fmt: skip
    assert len(history.events_after(newbox.id, 0, 10).payloads) == 4


def test_a_person_and_the_system_have_slots_of_their_own_and_bots_share_the_systems(
    newbox: RoomView, people: dict[str, Actor]
) -> None:
    assert outcome(Post("newbox", "a", people["alice"], slot="s"))[0] == "sent"
    assert outcome(Post("newbox", "b", people["bob"], slot="s"))[0] == "sent"
    assert outcome(Post("newbox", "c", slot="s"))[0] == "sent"
    assert outcome(Post("newbox", "d", bot("cron"), slot="s"))[:2] == ("edited", 3)
    assert outcome(Post("newbox", "e", people["alice"], slot="s"))[:2] == ("edited", 1)


def test_once_keeps_back_the_same_text_for_a_while(newbox: RoomView, people: dict[str, Actor]) -> None:
    assert outcome(Post("newbox", "disk full", once=HOUR)) == ("sent", 1, "disk full")
    assert outcome(Post("newbox", "disk full", once=HOUR)) == ("suppressed", 1, "disk full")
    assert outcome(Post("newbox", "disk fuller", once=HOUR))[0] == "sent"
    assert outcome(Post("newbox", "disk full", people["alice"], once=HOUR))[0] == "sent"
    assert outcome(Post("newbox", "disk full"))[0] == "sent"
    earlier(hours=1.1)
    assert outcome(Post("newbox", "disk full", once=HOUR))[0] == "sent"


def test_once_with_a_slot_keeps_back_whatever_is_said_there(newbox: RoomView) -> None:
    post = Post("newbox", "91%", slot="disk", once=HOUR)
    assert outcome(post)[:2] == ("sent", 1)
    assert outcome(Post("newbox", "92%", slot="disk", once=HOUR)) == ("suppressed", 1, "91%")
    earlier(hours=1.1)
    assert outcome(Post("newbox", "93%", slot="disk", once=HOUR)) == ("edited", 1, "93%")
    assert outcome(Post("newbox", "94%", slot="disk", once=HOUR)) == ("suppressed", 1, "93%")
    assert history.room_named("newbox").last_seq == 1


def test_a_key_comes_before_everything_else(newbox: RoomView) -> None:
    assert outcome(Post("newbox", "a", key="k", once=HOUR))[0] == "sent"
    assert outcome(Post("newbox", "a", key="k", once=HOUR))[0] == "duplicate"
    assert outcome(Post("newbox", "a", key="k2", once=HOUR))[0] == "suppressed"


def test_a_lifetime_counts_from_when_it_is_sent_and_expiry_empties_the_message(newbox: RoomView) -> None:
    message = posted(services.post_messages([Post("newbox", "soon gone", lifetime=HOUR, title="T")])[0])
    assert message.expires_at == message.created_at + HOUR
    assert services.expire_messages() == 0
    Message.objects.update(expires_at=timezone.now())
    rung = Rung()
    assert services.expire_messages(announce=rung) == 1
    change = Change.objects.get()
    assert (change.kind, change.rev, change.by) == ("expire", 2, "system")
    (delete,) = (events.decode_event(payload) for batch in rung for payload in batch.payloads)
    assert isinstance(delete, events.Delete)
    assert (delete.seq, delete.rev, delete.message, delete.title) == (1, 2, "", None)
    assert services.expire_messages() == 0


def test_messages_of_many_rooms_expire_in_one_step_each_with_its_own_rev() -> None:
    for name in ("one", "two"):
        services.create_room(name)
        services.post_messages([Post(name, text, lifetime=HOUR) for text in ("a", "b", "c")])
    Message.objects.update(expires_at=timezone.now())
    assert services.expire_messages(limit=4) == 4
    assert services.expire_messages() == 2
    for name in ("one", "two"):
        room = history.room_named(name)
        page = history.events_after(room.id, 0, 10)
        assert (room.head, len(page.payloads), room.last_seq) == (6, 6, 3)


def test_an_expiry_in_the_past_is_refused_unless_the_message_is_there_already(newbox: RoomView) -> None:
    assert isinstance(refusal(Post("newbox", "late", expires_at=timezone.now() - HOUR)), BadRequest)
    soon = timezone.now() + HOUR
    assert outcome(Post("newbox", "x", key="k", expires_at=soon))[0] == "sent"
    assert outcome(Post("newbox", "x", key="k", expires_at=timezone.now() - HOUR))[0] == "duplicate"


def test_a_banner_is_cleared_and_an_older_one_does_not_come_back(people: dict[str, Actor]) -> None:
    for name in ("one", "two"):
        services.create_room(name)
    services.post_messages([Post(name, text, kind="banner") for name in ("one", "two") for text in ("old", "new")])
    say("one", "talk")
    with pytest.raises(Forbidden):
        services.clear_banners(["one", "two"], people["alice"])
    cleared = services.clear_banners(["one", "two"], SYSTEM)
    assert [(event.room, event.seq, event.kind) for event in cleared] == [("one", 2, "banner"), ("two", 2, "banner")]
    assert services.clear_banners(["one", "two"], SYSTEM) == []
    with pytest.raises(RoomNotFound):
        services.clear_banners(["one", "there-is-none"], SYSTEM)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.org", "ftp://x", ""])
def test_a_link_leads_to_the_web_or_is_refused(newbox: RoomView, url: str) -> None:
    assert isinstance(refusal(Post("newbox", "x", url=url)), BadRequest)


def test_an_edit_may_change_more_than_the_text(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "a", title="T", tags=("x",), reply_to=None)])
    edit = services.edit_message("newbox", 1, "b", SYSTEM, revision={"title": "U", "priority": 5})
    assert (edit.message, edit.title, edit.priority, edit.tags) == ("b", "U", 5, ["x"])
    with pytest.raises(BadRequest):
        services.edit_message("newbox", 1, "b", SYSTEM, revision={"priority": 6})
    assert history.room_named("newbox").head == 2


def test_a_key_of_an_edit_in_a_slot_makes_its_repeat_safe_too(newbox: RoomView) -> None:
    for key, text in (("a1", "one"), ("a2", "two"), ("a3", "three"), ("a4", "three")):
        outcome(Post("newbox", text, slot="s", key=key))
    assert outcome(Post("newbox", "two", slot="s", key="a2")) == ("duplicate", 1, "three")
    assert outcome(Post("newbox", "three", slot="s", key="a4")) == ("duplicate", 1, "three")
    assert isinstance(refusal(Post("newbox", "other", slot="s", key="a2")), KeyReused)
    assert history.room_named("newbox").head == 4
    results = services.post_messages([Post("newbox", "x", slot="s", key=key) for key in ("b1", "b1", "a2")])
    assert [getattr(result, "outcome", type(result).__name__) for result in results] == [
        "edited",
        "duplicate",
        "KeyReused",
    ]


def test_what_has_expired_does_not_hold_back_whether_or_not_it_was_emptied(newbox: RoomView) -> None:
    assert outcome(Post("newbox", "news", once=HOUR, lifetime=HOUR / 2))[0] == "sent"
    Message.objects.update(expires_at=timezone.now())
    assert outcome(Post("newbox", "news", once=HOUR))[0] == "sent"


def test_keys_are_forgotten_after_a_week(newbox: RoomView) -> None:
    for key, slot in (("old", None), ("old edit", "s"), ("older edit", "s")):
        outcome(Post("newbox", key, key=key, slot=slot))
    services.schedule_messages([Post("newbox", "later", key="old")], timezone.now() + HOUR)
    assert services.forget_keys() == 0
    earlier(hours=24 * 7 + 1)
    Change.objects.update(at=timezone.now() - 8 * 24 * HOUR)
    Scheduled.objects.update(done_at=timezone.now() - 8 * 24 * HOUR)
    outcome(Post("newbox", "new", key="new"))
    assert services.forget_keys(limit=1) == 3
    assert services.forget_keys() == 1
    assert outcome(Post("newbox", "other", key="old")) == ("sent", 4, "other")
    assert outcome(Post("newbox", "new", key="new"))[0] == "duplicate"
