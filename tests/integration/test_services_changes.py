"""Editing, deleting and read marks."""

import pytest

from chatcore import events, history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.events import Delete, Edit
from chatcore.exceptions import (
    BadText,
    ChatError,
    Empty,
    Forbidden,
    MessageNotFound,
    TooLong,
)
from chatcore.history import RoomView
from chatcore.models import Change, Message, Room
from chatcore.services import Post
from tests.integration.writing import Rung, say

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_an_edit_is_an_event_of_its_own(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "helo", "next", actor=people["alice"])
    rung = Rung()
    edit = services.edit_message("newbox", 1, "hello", people["alice"], announce=rung)
    assert isinstance(edit, Edit)
    assert (edit.seq, edit.rev, edit.message, edit.username) == (1, 3, "hello", "Alice")
    assert edit.edited_at is not None
    assert edit.change_id != edit.id
    room = history.room_named("newbox")
    assert (room.last_seq, room.head) == (2, 3)
    row = Message.objects.get(seq=1)
    assert (row.rev, row.text) == (1, "hello")
    change = Change.objects.get()
    assert (change.rev, change.seq, change.kind, change.by) == (3, 1, "edit", f"user:{people['alice'].id}")
    assert [(batch.prev, batch.head, list(batch.payloads)) for batch in rung] == [(2, 3, [events.encode(edit)])]


def test_a_deletion_empties_the_text_and_keeps_the_number(newbox: RoomView) -> None:
    services.post_messages([Post("newbox", "secret", title="T", tags=("t",), slot="s", key="k")])
    delete = services.delete_message("newbox", 1, SYSTEM)
    assert isinstance(delete, Delete)
    assert (delete.seq, delete.rev, delete.deleted, delete.message, delete.title) == (1, 2, True, "", None)
    assert (delete.tags, delete.slot) == ([], None)
    row = Message.objects.get()
    assert (row.seq, row.rev, row.text, row.extra, row.slot) == (1, 1, "", None, None)
    assert row.deleted_at is not None
    (after,) = say("newbox", "next")
    assert (after.seq, after.rev) == (2, 3)


def test_what_was_deleted_stays_so(newbox: RoomView) -> None:
    say("newbox", "x")
    services.delete_message("newbox", 1, SYSTEM)
    with pytest.raises(Forbidden, match="message #1 was deleted already"):
        services.delete_message("newbox", 1, SYSTEM)
    with pytest.raises(Forbidden, match="message #1 was deleted"):
        services.edit_message("newbox", 1, "back", SYSTEM)
    assert history.room_named("newbox").head == 2


@pytest.mark.parametrize("seq", [0, -1, 2, 2**63 - 1])
def test_a_number_that_is_no_message_s_is_not_found(newbox: RoomView, seq: int) -> None:
    say("newbox", "x")
    with pytest.raises(MessageNotFound, match=f"no message newbox #{seq}"):
        services.edit_message("newbox", seq, "y", SYSTEM)
    with pytest.raises(MessageNotFound):
        services.delete_message("newbox", seq, SYSTEM)


def test_an_edit_obeys_the_rules_of_texts_and_of_people(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "mine", actor=people["alice"])
    refusals: list[tuple[str, Actor, type[ChatError]]] = [
        ("", people["alice"], Empty), ("x" * 4001, people["alice"], TooLong), ("\0", people["alice"], BadText),
        ("x", people["bob"], Forbidden), ("x", people["sam"], Forbidden), ("x", SYSTEM, Forbidden),
    ]  # fmt: skip
    for text, actor, error in refusals:
        with pytest.raises(error):
            services.edit_message("newbox", 1, text, actor)
    with pytest.raises(Forbidden):
        services.delete_message("newbox", 1, people["bob"])
    assert not Change.objects.exists()
    assert Message.objects.get().text == "mine"
    services.delete_message("newbox", 1, people["sam"])


def test_read_marks_only_move_forward(newbox: RoomView, people: dict[str, Actor]) -> None:
    alice, bob = people["alice"].id, people["bob"].id
    services.post_messages([Post(newbox.name, f"message {number}") for number in range(1, 6)])
    services.save_read_marks({(newbox.id, alice): 99, (newbox.id, bob): 2})
    services.save_read_marks({(newbox.id, alice): 3, (newbox.id, bob): 4})
    services.save_read_marks({})
    marks = Room.objects.get().read_marks.values_list("user_id", "seq")
    assert dict(marks) == {alice: 5, bob: 4}
