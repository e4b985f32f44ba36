"""Retention: what is too old is read by nobody at once, then its rows go; what a key needs stays without its text."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chatcore import events, history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import ChatError, MessageNotFound
from chatcore.history import RoomView
from chatcore.history.retention import overdue
from chatcore.history.room_list import common_banner, room_list
from chatcore.history.search import search
from chatcore.models import Change, Message, ReadMark, Room, Scheduled
from chatcore.services import Post
from chatcore.services.pruning import Pruned, prune_rooms
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def age(*seqs: int, by: timedelta = 40 * DAY) -> None:
    """Let these messages of newbox, and what was changed in them, have happened so long ago."""
    then = timezone.now() - by
    Message.objects.filter(room__name="newbox", seq__in=seqs).update(created_at=then)
    Change.objects.filter(room__name="newbox", seq__in=seqs).update(at=then)


def keep(length: timedelta | None = 30 * DAY) -> None:
    Room.objects.filter(name="newbox").update(retention=length)


def prune() -> list[Pruned]:
    return [step for step in prune_rooms() if step.messages or step.rows]


def hide() -> None:
    """Move the floor, and be interrupted before any row is gone."""
    assert next(prune_rooms()).messages


def counters() -> tuple[int, ...]:
    room = Room.objects.get(name="newbox")
    return room.floor, room.seq_floor, room.last_seq, room.head


def seqs() -> list[int]:
    return list(Message.objects.order_by("seq").values_list("seq", flat=True))


def test_what_is_older_than_the_room_keeps_it_goes(newbox: RoomView) -> None:
    say("newbox", *"abcde")
    age(1, 2, 3)
    keep()
    assert prune() == [Pruned("newbox", messages=3), Pruned("newbox", rows=3)]
    assert (counters(), seqs()) == ((3, 3, 5, 5), [4, 5])


def test_a_second_run_finds_nothing(newbox: RoomView) -> None:
    say("newbox", *"abc")
    age(1)
    keep()
    prune()
    assert prune() == []


def test_a_room_that_keeps_for_ever_and_one_that_keeps_longer_than_time_lose_nothing(newbox: RoomView) -> None:
    say("newbox", *"abc")
    age(1, 2, 3, by=3650 * DAY)
    for length in (None, timedelta(days=999_999)):
        keep(length)
        assert prune() == []
    assert counters() == (0, 0, 3, 3)


def test_a_room_of_which_everything_is_too_old_goes_on_with_its_numbers(newbox: RoomView) -> None:
    say("newbox", *"abc")
    age(1, 2, 3)
    keep()
    prune()
    assert (counters(), seqs()) == ((3, 3, 3, 3), [])
    (message,) = say("newbox", "d")
    assert (message.seq, message.rev) == (4, 4)


def test_nothing_above_the_first_young_event_goes(newbox: RoomView) -> None:
    say("newbox", *"abcd")
    age(1, 2, 4)
    keep()
    prune()
    assert (counters(), seqs()) == ((2, 2, 4, 4), [3, 4])


def test_a_young_change_holds_up_what_comes_after_it(newbox: RoomView) -> None:
    say("newbox", *"ab")
    services.edit_message("newbox", 1, "new", SYSTEM)
    say("newbox", "c")
    age(2, 3)
    Message.objects.filter(seq=1).update(created_at=timezone.now() - 40 * DAY)
    keep()
    prune()
    assert (counters(), seqs()) == ((2, 2, 3, 4), [3])
    assert [change.rev for change in Change.objects.all()] == [3]


def test_a_long_room_is_looked_through_page_by_page(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.history.retention._PAGE", 3)
    monkeypatch.setattr("chatcore.services.pruning.BATCH", 4)
    say("newbox", *"abcdefghij")
    age(*range(1, 9))
    keep()
    looks = list(overdue(timezone.now()))
    assert looks[:-1] == [None, None]
    assert looks[-1] is not None
    assert looks[-1].floor == 8
    assert prune() == [Pruned("newbox", messages=8), *[Pruned("newbox", rows=4)] * 2]
    assert seqs() == [9, 10]


def test_an_interrupted_run_is_finished_by_the_next_one_even_if_the_room_keeps_for_ever_now(newbox: RoomView) -> None:
    say("newbox", *"abcde")
    age(1, 2, 3)
    keep()
    hide()
    keep(None)
    assert seqs() == [1, 2, 3, 4, 5]
    assert prune() == [Pruned("newbox", rows=3)]
    assert seqs() == [4, 5]


def test_a_room_that_is_deleted_meanwhile_ends_the_run_quietly(newbox: RoomView) -> None:
    say("newbox", *"ab")
    age(1)
    keep()
    steps = prune_rooms()
    assert next(steps).messages == 1
    Room.objects.all().delete()
    assert list(steps) == []


def test_a_room_that_is_replaced_meanwhile_keeps_its_own_messages(
    newbox: RoomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("newbox", *"ab")
    age(1)
    keep()
    (found,) = overdue(timezone.now())
    Room.objects.update(epoch="of a restored copy")
    monkeypatch.setattr("chatcore.services.pruning.overdue", lambda now: iter([found]))
    assert list(prune_rooms()) == [Pruned("newbox")]
    assert counters() == (0, 0, 2, 2)


def test_with_rows_still_there_nobody_reads_what_was_pruned(newbox: RoomView, people: dict[str, Actor]) -> None:
    alice = people["alice"]
    services.post_messages([Post("newbox", "an old banner", kind="banner")])
    say("newbox", *"bcde", actor=alice)
    services.save_read_marks({(newbox.id, alice.id): 1})
    age(1, 2, 3)
    keep()
    hide()
    assert seqs() == [1, 2, 3, 4, 5]
    assert [it.seq for it in history.messages_after(newbox.id, 0, 50)] == [4, 5]
    assert [it.seq for it in history.messages_before(newbox.id, 6, 50)] == [4, 5]
    assert [it.seq for it in history.latest_messages(newbox.id, 50, 5)] == [4, 5]
    assert [it.seq for it in history.messages_since(newbox.id, timezone.now() - 99 * DAY, 50)] == [4, 5]
    assert list(history.messages_numbered(newbox.id, [3, 4])) == [4]
    assert search(newbox.id, "c").hits == []
    assert len(search(newbox.id, "e").hits) == 1
    assert history.event_id(newbox.id, 3) is None
    assert history.event_id(newbox.id, 4) is not None
    assert history.standing_banner(newbox.id) is None
    assert common_banner([newbox.id]) is None
    assert room_list(alice)[0].unread == 2
    with pytest.raises(MessageNotFound):
        history.message(newbox.id, "newbox", 3)


def test_with_rows_still_there_the_log_begins_at_the_floor(newbox: RoomView) -> None:
    say("newbox", *"abcd")
    services.edit_message("newbox", 1, "edited of late", SYSTEM)
    age(2, 3)
    Message.objects.filter(seq=1).update(created_at=timezone.now() - 40 * DAY)
    keep()
    hide()
    assert history.events_after(newbox.id, 0, 50) == ([], history.Head(5, 3, newbox.epoch))
    page = history.events_after(newbox.id, 3, 50)
    message, edit = map(events.decode_event, page.payloads)
    assert isinstance(message, events.Message)
    assert message.seq == 4
    assert isinstance(edit, events.Edit)
    assert (edit.seq, edit.message, edit.deleted) == (1, "", True)


def test_with_rows_still_there_nobody_changes_what_was_pruned(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "93 %", slot="disk"), Post("newbox", "moving", kind="banner")])
    say("newbox", "c")
    age(1, 2)
    keep()
    hide()
    with pytest.raises(MessageNotFound):
        services.delete_message("newbox", 1, SYSTEM)
    with pytest.raises(MessageNotFound):
        services.edit_message("newbox", 1, "new", SYSTEM)
    assert services.clear_banners(["newbox"], SYSTEM) == []
    assert [posted("94 %", slot="disk"), posted("93 %", once=99 * DAY)] == [("sent", 4), ("sent", 5)]


def test_what_was_pruned_does_not_expire_once_more(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "a", lifetime=DAY)])
    Message.objects.update(expires_at=timezone.now() - DAY)
    age(1)
    keep()
    hide()
    assert services.expire_messages() == 0
    assert not Change.objects.exists()


def posted(text: str, **fields: Any) -> tuple[str, int]:
    (result,) = services.post_messages([Post("newbox", text, **fields)])
    assert not isinstance(result, ChatError)
    return result.outcome, result.message.seq


def test_a_message_whose_key_lives_is_emptied_and_still_answers_a_repeat(newbox: RoomView) -> None:
    assert posted("hello", key="once", title="T") == ("sent", 1)
    say("newbox", "b")
    age(1, by=2 * DAY)
    keep(DAY)
    hide()
    for _ in range(2):  # with its row as it was, and emptied
        (repeat,) = services.post_messages([Post("newbox", "hello", key="once", title="T")])
        assert not isinstance(repeat, ChatError)
        assert (repeat.outcome, repeat.message.seq, repeat.message.message) == ("duplicate", 1, "")
        assert repeat.message.deleted
        assert repeat.message.title is None
        prune()
    row = Message.objects.get(seq=1)
    assert (row.text, row.extra, row.key) == ("", None, "once")


def test_when_its_key_is_forgotten_the_rest_of_it_goes(newbox: RoomView) -> None:
    posted("hello", key="once")
    age(1, by=8 * DAY)
    keep(DAY)
    prune()
    assert seqs() == [1]
    assert services.forget_keys() == 1
    assert prune() == [Pruned("newbox", rows=1)]
    assert seqs() == []


def test_a_changes_key_answers_a_repeat_though_its_message_has_gone(newbox: RoomView) -> None:
    posted("93 %", slot="disk")
    posted("94 %", slot="disk", key="later")
    age(1, by=2 * DAY)
    keep(DAY)
    prune()
    assert (seqs(), Change.objects.count()) == ([], 1)
    (repeat,) = services.post_messages([Post("newbox", "94 %", slot="disk", key="later")])
    assert not isinstance(repeat, ChatError)
    assert (repeat.outcome, repeat.message.seq, repeat.message.deleted) == ("duplicate", 1, True)
    Change.objects.update(at=timezone.now() - 8 * DAY)
    services.forget_keys()
    prune()
    assert Change.objects.count() == 0


def test_read_marks_and_scheduled_messages_outlive_it(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "a")
    services.save_read_marks({(newbox.id, people["bob"].id): 1})
    services.schedule_messages([Post("newbox", "later")], timezone.now() + DAY)
    age(1)
    keep()
    prune()
    assert (ReadMark.objects.count(), Scheduled.objects.count()) == (1, 1)
    assert room_list(people["bob"])[0].unread == 0
