"""A room that was exported is the same after its import. What goes wrong is in test_importing_trouble.py."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.history.exporting import exported_room
from chatcore.models import Change, Membership, Message, Room, Scheduled
from chatcore.services import Post
from tests.integration.transferring import exported, imported, lines_of, lived_in, user
from tests.integration.writing import say

pytestmark = pytest.mark.django_db


def moved(payload: bytes, **options: Any) -> None:
    """The room is deleted with all accounts, then imported."""
    Room.objects.all().delete()
    User.objects.all().delete()
    imported(payload, create_users=True, **options)


def test_an_imported_room_is_exported_as_the_same_bytes() -> None:
    lived_in()
    before = exported()
    moved(before)
    assert exported() == before


def test_numbers_times_and_authors_are_kept_and_the_log_is_new() -> None:
    lived_in()
    room = history.room_named("newbox")
    before = history.messages_after(room.id, 0, 100)
    moved(exported())
    after = history.room_named("newbox")
    found = history.messages_after(after.id, 0, 100)
    for old, new in zip(before, found, strict=True):
        assert (old.seq, old.created_at, old.edited_at, old.expires_at) == (
            new.seq, new.created_at, new.edited_at, new.expires_at,
        )  # fmt: skip
        assert (old.message, old.username, old.author.name, old.html) == (
            new.message, new.username, new.author.name, new.html,
        )  # fmt: skip
        assert new.rev == new.seq
        assert new.id != old.id
        assert new.client_id is None
    assert (after.last_seq, after.head, after.floor, after.seq_floor) == (7, 7, 0, 0)
    assert after.epoch not in ("", room.epoch)
    assert not Change.objects.exists()
    alice = User.objects.get(username="alice")
    assert found[1].author.id == str(alice.pk)
    assert not alice.has_usable_password()


def test_what_a_room_is_comes_with_it() -> None:
    lived_in()
    moved(exported())
    room = history.room_named("newbox")
    assert (room.title, room.topic, room.max_length) == ("New „Box“", "All of it ü", 500)
    assert room.retention == timedelta(days=3650)
    roles = dict(Membership.objects.filter(room=room.id).values_list("user_name", "role"))
    assert roles == {"alice": "owner", "bob@example.org": "member"}


def test_an_archived_room_is_archived_again() -> None:
    services.create_room("newbox", private=True, announce_only=True)
    services.archive_room("newbox", SYSTEM)
    before = exported()
    moved(before)
    room = history.room_named("newbox")
    assert (room.archived, room.private, room.announce_only) == (True, True, True)
    assert exported() == before


def test_people_go_on_where_the_imported_room_ends() -> None:
    user("alice")
    imported(lines_of(3))
    (message,) = say("newbox", "next")
    assert (message.seq, message.rev) == (4, 4)
    page = history.events_after(history.room_named("newbox").id, 0, 10)
    assert len(page.payloads) == 4


def test_a_room_may_get_another_name() -> None:
    lived_in()
    imported(exported(), "newbox-2025")
    assert exported("newbox-2025") == exported().replace(b'"name":"newbox"', b'"name":"newbox-2025"').replace(
        b'"room":"newbox"', b'"room":"newbox-2025"'
    )


def test_what_was_pruned_stays_pruned() -> None:
    lived_in()
    Room.objects.filter(name="newbox").update(floor=3, seq_floor=3)
    before = exported()
    assert b'"first_seq":4,"last_seq":7' in before
    moved(before)
    room = history.room_named("newbox")
    assert (room.last_seq, room.head, room.floor, room.seq_floor) == (7, 7, 3, 3)
    assert exported() == before


def test_only_what_was_sent_since_then_is_exported_if_asked_for() -> None:
    room = services.create_room("newbox").room
    say("newbox", "a", "b", "c", "d")
    Message.objects.filter(room=room.id, seq__lt=3).update(created_at=timezone.now() - timedelta(days=2))
    since = exported(since=timezone.now() - timedelta(days=1))
    assert since.count(b'"type":"message"') == 2
    imported(since, "later")
    assert [message.message for message in history.messages_after(history.room_named("later").id, 0, 9)] == ["c", "d"]
    nothing = exported(since=timezone.now() + timedelta(hours=1))
    assert b'"first_seq":5,"last_seq":4' in nothing
    imported(nothing, "empty")
    assert say("empty", "first")[0].seq == 5


def test_a_person_is_exported_under_the_name_that_the_account_has_now() -> None:
    lived_in()
    User.objects.filter(username="alice").update(username="alicia")
    assert b'"name":"alice"' not in exported()
    assert exported().count(b'"name":"alicia"') == 4


def test_an_erased_author_stays_nobody() -> None:
    lived_in()
    Message.objects.filter(author_name="alice").update(author_name="", author_id="", username="deleted user", text="")
    Message.objects.filter(author_name="").update(deleted_at=timezone.now(), extra=None)
    before = exported()
    moved(before)
    assert set(User.objects.values_list("username", flat=True)) == {"alice", "bob@example.org"}  # she is still owner
    assert set(Message.objects.filter(username="deleted user").values_list("author_id", flat=True)) == {""}
    assert exported() == before


def test_what_is_posted_meanwhile_is_left_out() -> None:
    services.create_room("newbox")
    say("newbox", "a", "b")
    export = exported_room("newbox")
    say("newbox", "c")
    assert len([line for page in export.pages for line in page]) == 2


def test_an_empty_room_gives_way_and_leaves_its_members_and_what_is_scheduled() -> None:
    lived_in()
    before = exported()
    user("carol")
    old = services.create_room("other", members=["carol", "alice"]).room
    services.schedule_messages([Post("other", "later", key="s1")], timezone.now() + timedelta(hours=1))
    imported(before, "Other")
    room = history.room_named("other")
    assert room.id != old.id
    assert room.name == "Other"
    roles = dict(Membership.objects.filter(room=room.id).values_list("user_name", "role"))
    assert roles == {"carol": "member", "alice": "member", "bob@example.org": "member"}
    assert Scheduled.objects.get().room_id == room.id


def test_many_messages_come_in_batches() -> None:
    user("alice")
    stored: list[int] = []
    assert imported(lines_of(555), progress=stored.append).messages == 555
    assert stored == [250, 500, 555]
    assert exported().count(b"\n") == 556
