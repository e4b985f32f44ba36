"""Reading the log: merged by rev, without a hole whatever is committed meanwhile; and who may know of which room."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from chatcore import events, history, services
from chatcore.actors import GUEST, SYSTEM, Actor
from chatcore.events import Delete, Edit, Message
from chatcore.exceptions import Forbidden, MessageNotFound, NotSignedIn, RoomNotFound, UserNotFound
from chatcore.history import RoomView
from chatcore.models import Change, ReadMark, Room, Sanction
from chatcore.models import Message as Row
from chatcore.permissions import Standing
from chatcore.services import Post
from tests.integration.conftest import Elsewhere
from tests.integration.writing import posted, say

pytestmark = pytest.mark.django_db


def revs(page: history.Page) -> list[int]:
    return [events.decode_event(payload).rev for payload in page.payloads]


def kinds(page: history.Page) -> list[tuple[type, int, int]]:
    return [(type(event), event.rev, event.seq) for event in map(events.decode_event, page.payloads)]


def pruned(room: RoomView, floor: int) -> None:
    """Forget what is up to rev `floor`, as retention does: in one transaction with the floor."""
    Row.objects.filter(room=room.id, rev__lte=floor).delete()
    Change.objects.filter(room=room.id, rev__lte=floor).delete()
    Room.objects.filter(pk=room.id).update(floor=floor)


class Meanwhile:
    """Does something once, just before the first query that touches `table`."""

    def __init__(self, table: str, action: Callable[[], object]) -> None:
        self._table, self._action, self.done = table, action, False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self.done and f'"{self._table}"' in sql:
            self.done = True
            self._action()
        return execute(sql, params, many, context)


# Events


def test_messages_and_changes_are_one_log(newbox: RoomView) -> None:
    say("newbox", "a", "b")
    services.edit_message("newbox", 1, "A", SYSTEM)
    say("newbox", "c")
    services.delete_message("newbox", 2, SYSTEM)
    page = history.events_after(newbox.id, 0, 100)
    assert kinds(page) == [(Message, 1, 1), (Message, 2, 2), (Edit, 3, 1), (Message, 4, 3), (Delete, 5, 2)]
    assert page.state == history.Head(5, 0, newbox.epoch)
    assert kinds(history.events_after(newbox.id, 2, 2)) == [(Edit, 3, 1), (Message, 4, 3)]
    assert history.events_after(newbox.id, 5, 100).payloads == []
    assert history.events_after(newbox.id, 99, 100).payloads == []


def test_a_replay_shows_what_messages_are_now(newbox: RoomView) -> None:
    say("newbox", "a", "b")
    services.edit_message("newbox", 1, "A", SYSTEM)
    services.delete_message("newbox", 2, SYSTEM)
    replay = [events.decode_event(payload) for payload in history.events_after(newbox.id, 0, 100).payloads]
    assert [(event.seq, event.message, event.deleted) for event in replay] == [
        (1, "A", False), (2, "", True), (1, "A", False), (2, "", True),
    ]  # fmt: skip


def test_a_log_is_read_page_by_page(newbox: RoomView) -> None:
    say("newbox", *map(str, range(1, 8)))
    for seq in (1, 3, 3, 7):
        services.edit_message("newbox", seq, "x", SYSTEM)
    seen: list[int] = []
    while payloads := revs(history.events_after(newbox.id, len(seen), 3)):
        assert len(payloads) <= 3
        seen.extend(payloads)
    assert seen == list(range(1, 12))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["chatcore_room", "chatcore_message", "chatcore_change"])
def test_a_commit_between_two_queries_hides_nothing(newbox: RoomView, elsewhere: Elsewhere, table: str) -> None:
    say("newbox", "a", "b")
    services.edit_message("newbox", 1, "A", SYSTEM)

    def commit() -> None:
        elsewhere(say, "newbox", "c")
        elsewhere(services.edit_message, "newbox", 2, "B", SYSTEM)
        elsewhere(say, "newbox", "d")

    between = Meanwhile(table, commit)
    with connection.execute_wrapper(between):
        page = history.events_after(newbox.id, 0, 100)
    assert between.done
    found = revs(page)
    assert found == list(range(1, len(found) + 1)), "never an event without the one before it"
    assert len(found) >= 3
    assert found + revs(history.events_after(newbox.id, len(found), 100)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["chatcore_room", "chatcore_message", "chatcore_change"])
def test_a_pruning_between_two_queries_shows_as_a_moved_floor(
    newbox: RoomView, elsewhere: Elsewhere, table: str
) -> None:
    say("newbox", "a", "b", "c")
    between = Meanwhile(table, lambda: elsewhere(pruned, newbox, 2))
    with connection.execute_wrapper(between):
        page = history.events_after(newbox.id, 0, 100)
    assert revs(page) == [1, 2, 3] or page.state.floor == 2


def test_a_change_outlives_its_message(newbox: RoomView) -> None:
    say("newbox", "old", "new")
    services.edit_message("newbox", 1, "older", SYSTEM)
    pruned(newbox, 1)
    page = history.events_after(newbox.id, 1, 100)
    assert kinds(page) == [(Message, 2, 2), (Edit, 3, 1)]
    change = events.decode_event(page.payloads[1])
    assert (change.message, change.deleted) == ("", True)
    assert page.state.floor == 1


def test_the_log_of_a_deleted_room_is_not_found(newbox: RoomView) -> None:
    Room.objects.all().delete()
    with pytest.raises(RoomNotFound, match="it was deleted"):
        history.events_after(newbox.id, 0, 10)
    assert history.heads([newbox.id]) == {}


def test_heads_tell_where_logs_stand(newbox: RoomView) -> None:
    ops = services.create_room("ops").room
    say("newbox", "a", "b")
    pruned(newbox, 1)
    assert history.heads([newbox.id, ops.id, 12345]) == {
        newbox.id: history.Head(2, 1, newbox.epoch), ops.id: history.Head(0, 0, ops.epoch),
    }  # fmt: skip


def test_an_event_has_an_id_of_its_own(newbox: RoomView) -> None:
    (message,) = say("newbox", "a")
    edit = services.edit_message("newbox", 1, "b", SYSTEM)
    assert history.event_id(newbox.id, 1) == message.id
    assert history.event_id(newbox.id, 2) == edit.change_id
    assert history.event_id(newbox.id, 3) is None
    assert history.event_id(newbox.id, 0) is None


# Messages by number


def test_messages_are_read_by_number_in_both_directions(newbox: RoomView) -> None:
    say("newbox", *map(str, range(1, 11)))
    services.delete_message("newbox", 9, SYSTEM)

    def seqs(messages: list[Message]) -> list[int]:
        return [message.seq for message in messages]

    assert seqs(history.latest_messages(newbox.id, 3, 11)) == [8, 9, 10]
    assert seqs(history.latest_messages(newbox.id, 3, 8)) == [6, 7, 8]
    assert seqs(history.latest_messages(newbox.id, 3, 0)) == []
    assert seqs(history.messages_after(newbox.id, 8, 5)) == [9, 10]
    assert seqs(history.messages_before(newbox.id, 4, 2)) == [2, 3]
    assert seqs(history.messages_before(newbox.id, 1, 2)) == []
    assert history.message(newbox.id, "newbox", 9).deleted
    with pytest.raises(MessageNotFound, match="no message newbox #11"):
        history.message(newbox.id, "newbox", 11)


def test_what_is_read_is_what_was_posted(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "earlier")
    post = Post(
        "newbox", "text", actor=people["alice"], source="web", key="k", title="T", priority=5, tags=("a", "b"),
        format="code", url="https://example.org/", reply_to=1, slot="s", expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    message = posted(services.post_messages([post])[0])
    assert message.client_id == "k"
    assert history.message(newbox.id, "newbox", 2) == message
    assert history.messages_after(newbox.id, 1, 10) == history.latest_messages(newbox.id, 1, 2) == [message]
    assert history.messages_before(newbox.id, 3, 1) == [message]
    assert history.messages_since(newbox.id, message.created_at, 9) == [message]
    assert events.decode_event(history.events_after(newbox.id, 1, 10).payloads[0]) == message
    Row.objects.filter(seq=2).update(created_at=datetime(2026, 11, 22, 5, 15, 2, tzinfo=UTC))  # no fraction of a second
    assert history.message(newbox.id, "newbox", 2).created_at == datetime(2026, 11, 22, 5, 15, 2, tzinfo=UTC)


def test_messages_are_read_by_time(newbox: RoomView) -> None:
    say("newbox", "a", "b", "c")
    now = datetime.now(UTC)
    Row.objects.filter(seq=1).update(created_at=now - timedelta(hours=2))
    Row.objects.filter(seq=2).update(created_at=now - timedelta(hours=1))
    since = history.messages_since(newbox.id, now - timedelta(hours=1), 10)
    assert [message.seq for message in since] == [2, 3]
    assert history.messages_since(newbox.id, now + timedelta(days=1), 10) == []


# Rooms and people


def test_a_room_is_found_in_any_spelling(newbox: RoomView) -> None:
    assert history.room_named("ＮewBOX") == newbox


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 1000, "'; DROP TABLE chatcore_room", "../../etc"])
def test_a_name_that_cannot_be_is_not_found(newbox: RoomView, name: str) -> None:
    with pytest.raises(RoomNotFound):
        history.room_named(name)


def test_who_comes_in_learns_what_the_room_is_and_how_far_he_has_read(people: dict[str, Actor]) -> None:
    services.create_room(
        "Ops", title="T", topic="p", private=True, announce_only=True, owner="alice", members=["bob"],
        retention=timedelta(days=30, microseconds=7), max_length=9,
    )  # fmt: skip
    services.archive_room("ops", SYSTEM)
    room = Room.objects.get(name="Ops")
    ReadMark.objects.create(room=room, user_id=people["bob"].id, seq=5, at=datetime.now(UTC))
    for name, role, read_seq in (("alice", "owner", 0), ("bob", "member", 5), ("root", None, 0)):
        assert history.entrance("OPS", people[name]) == history.Entrance(
            history.Access(
                RoomView(
                    room.pk, "Ops", "T", "p", True, True, True, 9, timedelta(days=30, microseconds=7),
                    0, 0, 0, room.epoch, 2,
                ),
                Standing(role),
            ),
            read_seq,
        )  # fmt: skip


def test_no_read_mark_is_that_of_who_is_no_person(newbox: RoomView) -> None:
    ReadMark.objects.create(room_id=newbox.id, user_id="", seq=5, at=datetime.now(UTC))
    assert history.entrance("newbox", SYSTEM).read_seq == 0
    with override_settings(CHAT_GUESTS="read"):
        assert history.entrance("newbox", GUEST).read_seq == 0
    assert (newbox.private, newbox.announce_only, newbox.archived, newbox.retention) == (False, False, False, None)


def test_near_names_are_those_that_one_may_know(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("newbag", private=True, members=["alice"])

    def near(actor: Actor) -> list[str]:
        with pytest.raises(RoomNotFound) as unknown:
            history.room_named("newba", actor)
        return sorted(unknown.value.near)

    assert near(people["alice"]) == ["newbag", "newbox"]
    assert near(people["bob"]) == ["newbox"]
    assert near(people["sam"]) == ["newbox"]
    assert near(people["root"]) == ["newbag", "newbox"]
    assert near(SYSTEM) == ["newbag", "newbox"]


def test_a_private_room_reads_like_an_unknown_one(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("NewBoxes", private=True, members=["alice"])
    assert history.room_named("newboxes", people["alice"]).name == "NewBoxes"
    with pytest.raises(RoomNotFound) as hidden:
        history.room_named("newboxes", people["bob"])
    assert str(hidden.value) == "no room newboxes; did you mean newbox?"


def test_guests_learn_nothing_of_names_unless_they_may_read(newbox: RoomView) -> None:
    for name in ("newbox", "newbx"):
        with pytest.raises(NotSignedIn):
            history.room_named(name, GUEST)
    with override_settings(CHAT_GUESTS="read"):
        assert history.room_named("newbox", GUEST) == newbox
        with pytest.raises(RoomNotFound, match="did you mean newbox"):
            history.room_named("newbx", GUEST)


def test_who_is_banned_reads_nothing(newbox: RoomView, people: dict[str, Actor]) -> None:
    Sanction.objects.create(user_id=people["alice"].id, user_name="alice", kind="ban")
    with pytest.raises(Forbidden, match="banned"):
        history.room_named("newbox", people["alice"])


def test_rooms_are_listed_by_name_with_what_readers_see(people: dict[str, Actor]) -> None:
    for name in ("Zeta", "alpha", "beta"):
        services.create_room(name, members=["alice", "bob", "carol"] if name == "beta" else [])
    services.create_room("secret", private=True, members=["alice", "bob"])
    services.create_room("old")
    Room.objects.filter(name="old").update(archived_at=datetime.now(UTC))
    (message,) = say("beta", "hi")

    def listed(actor: Actor) -> list[str]:
        return [room.name for room in history.rooms_for(actor)]

    assert listed(people["alice"]) == ["alpha", "beta", "secret", "Zeta"]
    assert listed(people["carol"]) == ["alpha", "beta", "Zeta"]
    assert listed(people["sam"]) == ["alpha", "beta", "Zeta"]
    assert listed(people["root"]) == listed(SYSTEM) == ["alpha", "beta", "secret", "Zeta"]
    assert listed(GUEST) == []
    with override_settings(CHAT_GUESTS="read"):
        assert listed(GUEST) == ["alpha", "beta", "Zeta"]
    rooms = {room.name: room for room in history.rooms_for(people["alice"])}
    assert (rooms["beta"].member_count, rooms["secret"].member_count, rooms["alpha"].member_count) == (3, 2, 0)
    assert (rooms["beta"].last_message_at, rooms["alpha"].last_message_at) == (message.created_at, None)


def test_rooms_of_many_members_do_not_hide_near_matches(
    people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.history.rooms._MANY_NAMES", 2)
    services.create_room("big", members=["alice", "bob", "carol"])
    services.create_room("newbox")
    with pytest.raises(RoomNotFound, match="did you mean newbox"):
        history.room_named("newbx", people["sam"])


def test_standings_are_what_each_is_in_each_room_now(newbox: RoomView, people: dict[str, Actor]) -> None:
    ops = services.create_room("ops", owner="alice", members=["bob"]).room
    now = datetime.now(UTC)
    alice, bob, carol = (people[name] for name in ("alice", "bob", "carol"))
    Sanction.objects.create(user_id=bob.id, user_name="bob", kind="mute", until=now + timedelta(hours=1))
    Sanction.objects.create(user_id=carol.id, user_name="carol", kind="ban")
    Sanction.objects.create(user_id=alice.id, user_name="alice", kind="mute", until=now - timedelta(hours=1))
    wanted = [(room.id, actor) for room in (newbox, ops) for actor in (alice, bob, carol, SYSTEM, GUEST)]
    found = history.standings(wanted)
    assert found == {
        (newbox.id, alice.id): Standing(), (ops.id, alice.id): Standing("owner"),
        (newbox.id, bob.id): Standing(muted=True), (ops.id, bob.id): Standing("member", muted=True),
        (newbox.id, carol.id): Standing(banned=True), (ops.id, carol.id): Standing(banned=True),
    }  # fmt: skip
    assert history.standings([(newbox.id, SYSTEM)]) == {}


def test_an_account_is_found_by_its_exact_name(people: dict[str, Actor]) -> None:
    assert history.user_named("alice") == people["alice"]
    with pytest.raises(UserNotFound, match=r"no user Alice; did you mean alice\?"):
        history.user_named("Alice")
    for broken in ("", "al\0ice", "\udcff", "a" * 1000):
        with pytest.raises(UserNotFound):
            history.user_named(broken)
    User.objects.filter(username="bob").update(is_active=False)
    with pytest.raises(UserNotFound, match=r"no user bob \(the account is switched off\)"):
        history.user_named("bob")
