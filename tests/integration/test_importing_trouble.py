"""An import that fails leaves nothing, and nobody sees one before its end."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import actor_for
from chatcore.exceptions import BadRequest, NotFound, RoomExists, RoomNotFound, Unavailable
from chatcore.history.exporting import exported_room
from chatcore.history.members import members
from chatcore.models import Message, Room
from chatcore.services import Post, imported_accounts
from chatcore.services.erasing import erase_user
from chatcore.services.imported_lines import ImportedLines
from chatcore.services.importing import ABANDONED, forgotten_imports, import_room
from chatcore.services.pruning import prune_rooms
from tests.integration.transferring import imported, lines_of, lived_in, user
from tests.integration.writing import posted, say

pytestmark = pytest.mark.django_db


def nothing_left() -> bool:
    """Whether no import has left anything, seen or unseen."""
    return not Message.objects.exists() and not Room.unfinished.exists() and not Room.objects.exists()


def test_messages_that_are_pruned_meanwhile_end_the_export() -> None:
    room = services.create_room("newbox").room
    say("newbox", "a", "b", "c")
    export = exported_room("newbox")
    Message.objects.filter(room=room.id, seq=1).delete()
    with pytest.raises(Unavailable, match="export it again"):
        list(export.pages)


def test_a_room_that_has_had_messages_is_refused_before_anything_is_made() -> None:
    lived_in()
    with pytest.raises(RoomExists, match="--room") as caught:
        imported(lines_of(1, account="dave"), create_users=True)
    assert caught.value.exit_code == 4
    assert not User.objects.filter(username="dave").exists()


def test_a_room_that_gets_a_message_meanwhile_is_refused_at_the_end() -> None:
    user("alice")
    services.create_room("newbox")
    with pytest.raises(RoomExists, match="meanwhile"):
        imported(lines_of(3), progress=lambda stored: say("newbox", "first"))
    assert [message.text for message in Message.objects.all()] == ["first"]
    assert not Room.unfinished.exists()


def test_unknown_accounts_are_named_all_at_once() -> None:
    names = [{"name": f"person{number}", "role": "member"} for number in range(12)]
    with pytest.raises(NotFound) as caught:
        imported(lines_of(1, members=names))
    assert caught.value.exit_code == 3
    assert "person9 and 3 more" in str(caught.value)
    assert "--create-users" in str(caught.value)
    assert nothing_left()


@pytest.mark.parametrize("name", ["two words", "a/b", "x\u202ey"])
def test_an_account_that_the_site_would_not_take_is_named(name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be made"):
        imported(lines_of(1, account=name), create_users=True)
    assert nothing_left()
    assert not User.objects.exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, BadRequest])
def test_an_import_that_fails_on_the_way_leaves_nothing(error: type[BaseException]) -> None:
    seen = []

    def fail(stored: int) -> None:
        seen.append(Message.objects.count())
        if stored >= 500:
            raise error("enough")

    with pytest.raises(error):
        imported(lines_of(1200), progress=fail, create_users=True)
    assert seen == [250, 500]
    assert nothing_left()
    assert not User.objects.exists()


def test_nobody_finds_a_room_that_is_being_imported() -> None:
    alice = User.objects.create_superuser("alice")
    expired = lines_of(600).replace(b'"seq":', b'"expires_at":"2020-01-01T00:00:00Z","seq":')
    hidden: list[str] = []

    def look(stored: int) -> None:
        key = Room.unfinished.get().name
        hidden.append(key)
        for name in (key, key.lower(), key.upper(), "newbox"):
            with pytest.raises(RoomNotFound):
                history.room_named(name)
        assert history.room_names(archived=True) == []
        assert history.room_logs() == []
        assert history.rooms_for(actor_for(alice)) == []
        assert services.expire_messages() == 0

    imported(expired, progress=look)
    assert len(hidden) == 3
    assert history.room_names() == ["newbox"]
    assert services.expire_messages(1000) == 600


def test_a_person_who_is_erased_meanwhile_does_not_come_back() -> None:
    user("alice")
    told: list[int] = []

    def told_once(done: int, of: int) -> None:
        told.append(done)
        assert len(told) < 100, "it goes on for ever"

    with pytest.raises(Unavailable, match="alice is gone meanwhile"):
        imported(lines_of(300), progress=lambda stored: stored == 250 and erase_user("alice", told_once))
    assert not User.objects.filter(username="alice").exists()
    assert nothing_left()


def test_what_a_dead_import_left_is_taken_away_and_a_living_one_is_left_alone() -> None:
    Room.unfinished.create(name="Import 1", name_key="Import 1", epoch="", archived_at=timezone.now() - 2 * ABANDONED)
    dead = Room.unfinished.get()
    living = Room.unfinished.create(name="Import 2", name_key="Import 2", epoch="", archived_at=timezone.now())
    services.create_room("newbox")
    message = posted(services.post_messages([Post("newbox", "stays")])[0])
    row = Message.objects.get(seq=message.seq)
    for seq in range(1, 4):
        row.id, row.room_id, row.seq, row.rev = uuid.uuid4(), dead.pk, seq, seq
        row.save(force_insert=True)
    assert sum(forgotten_imports()) == 3
    assert list(Room.unfinished.values_list("pk", flat=True)) == [living.pk]
    assert Message.objects.get().text == "stays"


def test_an_import_that_was_taken_for_dead_ends() -> None:
    user("alice")
    with pytest.raises(Unavailable, match="start it again"):
        imported(lines_of(1000), progress=lambda stored: Room.unfinished.all().delete())
    assert nothing_left()


def test_pruning_takes_away_what_a_dead_import_left() -> None:
    Room.unfinished.create(name="Import 1", name_key="Import 1", epoch="", archived_at=timezone.now() - 2 * ABANDONED)
    assert {step.room for step in prune_rooms()} <= {""}
    assert not Room.unfinished.exists()


def test_the_next_import_takes_away_what_a_dead_one_left() -> None:
    user("alice")
    Room.unfinished.create(name="Import 1", name_key="Import 1", epoch="", archived_at=timezone.now() - 2 * ABANDONED)
    imported(lines_of(1))
    assert not Room.unfinished.exists()


def test_a_file_that_changes_while_it_is_read_leaves_nothing() -> None:
    user("alice")
    before, after = lines_of(700), lines_of(700, account="eve").splitlines()
    checked, lines = ImportedLines(), ImportedLines()
    for line in before.splitlines():
        checked.take(line)
    messages = (message for message in map(lines.take, after) if message is not None)
    with pytest.raises(BadRequest, match="the file was changed"):
        import_room(checked.end(), messages, checked.accounts, lambda stored: None)
    assert nothing_left()


def test_a_file_that_is_cut_off_while_it_is_read_leaves_nothing() -> None:
    user("alice")
    checked, lines = ImportedLines(), ImportedLines()
    whole = lines_of(700).splitlines()
    for line in whole:
        checked.take(line)
    messages = (message for message in map(lines.take, whole[:400]) if message is not None)
    with pytest.raises(BadRequest, match="the file was changed"):
        import_room(checked.end(), messages, checked.accounts, lambda stored: None)
    assert nothing_left()


@pytest.mark.parametrize("at", [250, 300])
def test_an_import_that_stood_still_for_long_does_not_go_on_when_it_wakes_up(at: int) -> None:
    user("alice")

    def sleeps(stored: int) -> None:
        if stored == at:  # somebody may have begun to take away what is there
            Room.unfinished.update(archived_at=timezone.now() - 2 * ABANDONED)

    with pytest.raises(Unavailable, match="taken for dead"):
        imported(lines_of(300), progress=sleeps)
    assert nothing_left()


def test_a_member_who_is_there_already_stays_what_he_is() -> None:
    user("alice")
    services.create_room("newbox", owner="alice")
    room = imported(lines_of(1, members=[{"name": "alice", "role": "member"}])).room
    assert [(member.name, member.role) for member in members(room.id)] == [("alice", "owner")]


def test_an_account_that_somebody_makes_meanwhile_ends_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def signed_up_meanwhile(name: str) -> User:
        made = User(username=name)
        user(name)
        return made

    monkeypatch.setattr(imported_accounts, "_new", signed_up_meanwhile)
    with pytest.raises(Unavailable, match="start the import again"):
        imported(lines_of(1, account="dave"), create_users=True)
    assert User.objects.filter(username="dave").count() == 1
    assert nothing_left()
