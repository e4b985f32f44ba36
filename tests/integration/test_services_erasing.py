"""A person who wants to be forgotten: what becomes of the texts, of the account and of all that hangs on it."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction
from django.http import HttpRequest
from django.utils import timezone
from pytest_django.fixtures import Settings

from chatcore import bell, events, history, services
from chatcore.actors import SYSTEM, Actor, Grant, bot
from chatcore.bell import Batch
from chatcore.exceptions import Forbidden, UserNotFound
from chatcore.history import RoomView, account_named
from chatcore.history.personal import numbers_by, personal_records
from chatcore.models import Change, Lease, Membership, Message, Presence, ReadMark, Room, Sanction, Scheduled
from chatcore.services import Post, erasing
from chatcore.services.erasing import Erased, erase_user
from chatcore.services.sanctions import impose_sanction
from chatcore.services.sessions import sign_in
from tests.integration.sockets import Site, elsewhere
from tests.integration.transferring import imported, lines_of
from tests.integration.writing import Rung, refusal, say
from tests.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.django_db


def ignored(done: int, of: int) -> None:
    """Nobody looks at the progress."""


def erased(account: str, announce: Callable[[Sequence[Batch]], object] = lambda batches: None) -> Erased:
    return erase_user(account, ignored, announce=announce)


def everything() -> str:
    """All that the tables of the chat and of the accounts hold, as text."""
    from django.apps import apps
    from django.core import serializers

    labels = ("chatcore", "auth", "admin", "axes", "sessions")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return "".join(serializers.serialize("json", model._default_manager.all()) for model in models)


def logged(room: RoomView) -> list[events.Event]:
    """The room's whole log, as a reader gets it who was never there."""
    return [events.decode_event(payload) for payload in history.events_after(room.id, 0, 1000).payloads]


@pytest.fixture
def alice(newbox: RoomView, people: dict[str, Actor]) -> Actor:
    """Alice, of whom there is a trace in every table."""
    alice = people["alice"]
    User.objects.filter(pk=alice.id).update(email="alice@wonder.land", last_name="Liddell", last_login=timezone.now())
    User.objects.get(pk=alice.id).groups.add(Group.objects.create(name="writers"))
    services.create_room("tea", private=True, owner="alice")
    services.add_member("newbox", "alice", "member", SYSTEM)
    posts = [
        Post("newbox", "one of hers", alice, title="Title", tags=("tag",), key="key-1", source="web"),
        Post("newbox", "of another", people["bob"]),
        Post("newbox", "two of hers", alice),
        Post("tea", "three of hers", alice, kind="banner", slot="place"),
        Post("newbox", "alice is only mentioned", bot("carol")),
    ]
    assert not [result for result in services.post_messages(posts) if isinstance(result, Exception)]
    services.edit_message("newbox", 3, "two of hers, mended", alice)
    services.delete_message("newbox", 3, alice)
    services.post_messages([Post("tea", "news of the place", alice, kind="banner", slot="place", key="key-2")])
    services.save_read_marks({(newbox.id, alice.id): 2})
    services.schedule_messages([Post("newbox", "later", alice)], timezone.now() + timedelta(hours=1))
    lease = Lease.objects.create(server="here", until=timezone.now() + timedelta(hours=1), version=1)
    Presence.objects.create(lease=lease, room_id=newbox.id, user_id=alice.id, user_name="alice", username="Alice")
    impose_sanction("alice", "mute", people["sam"], reason="too loud")
    AccessAttempt.objects.create(username="alice", ip_address="192.0.2.7", failures_since_start=1)
    for model, text in ((User, "alice"), (Membership, "alice in tea (owner)"), (Sanction, "alice: mute")):
        LogEntry.objects.create(
            user_id=int(people["sam"].id), content_type=ContentType.objects.get_for_model(model), action_flag=CHANGE,
            object_id=alice.id, object_repr=text,
        )  # fmt: skip
    sign_in(["alice"])
    return alice


@pytest.mark.django_db(transaction=True)
def test_every_text_is_gone_and_every_number_stays(newbox: RoomView, alice: Actor, people: dict[str, Actor]) -> None:
    before = history.room_named("newbox")
    rung = Rung()
    done = erased("alice", rung)
    assert (done.messages, done.ownerless) == (3, ["tea"])
    rows = list(Message.objects.filter(room=newbox.id).order_by("seq"))
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert [row.text for row in rows] == ["", "of another", "", "alice is only mentioned"]
    gone = {(row.username, row.author_type, row.author_id, row.author_name, row.key, row.extra) for row in rows[::2]}
    assert gone == {("deleted user", "user", "", "", None, None)}
    after = history.room_named("newbox")
    assert (after.last_seq, after.head) == (before.last_seq, before.head + 2)
    assert [event.rev for event in logged(newbox)] == list(range(1, after.head + 1))
    assert {batch.room_id for batch in rung} == {newbox.id, history.room_named("tea").id}


@pytest.mark.django_db(transaction=True)
def test_live_and_late_readers_end_in_the_same_view(newbox: RoomView, alice: Actor) -> None:
    live: dict[int, bytes] = {}
    seen = Rung()
    erased("alice", seen)
    for batch in seen:
        if batch.room_id == newbox.id:
            for payload in batch.payloads:
                event = events.decode_event(payload)
                live[event.seq] = payload
    replayed = {event.seq: events.encode(event) for event in logged(newbox)}
    assert live == {seq: replayed[seq] for seq in (1, 3)}
    told = events.to_dict(events.decode_event(live[1]))
    assert (told["type"], told["username"], told["author"]) == (
        "delete", "deleted user", {"type": "user", "id": "", "name": ""},
    )  # fmt: skip
    assert (told["message"], told["title"], told["tags"], told["client_id"]) == ("", None, [], None)


def test_nothing_anywhere_tells_who_it_was(alice: Actor, settings: Settings) -> None:
    assert "alice" in everything()
    name = erased("alice").account
    left = everything().replace("alice is only mentioned", "")
    for trace in ("alice", "Alice", "Liddell", "wonder.land", "hers", "key-1", "key-2", "192.0.2.7", "too loud"):
        assert trace not in left, trace
    assert name == f"deleted-{alice.id}"
    user = User.objects.get(pk=alice.id)
    assert (user.username, user.email, user.get_full_name(), user.last_login) == (name, "", "", None)
    assert not user.is_active
    assert not user.has_usable_password()
    assert not user.groups.exists()
    assert not Session.objects.exists()
    for table in (Membership, ReadMark, Presence):
        assert not table.objects.filter(user_id=alice.id).exists()
    assert not Scheduled.objects.exists()
    assert not Change.objects.filter(by=alice.label).exists()
    assert list(personal_records(account_named(name)))[1:] == [
        {
            "type": "sanction",
            "kind": "ban",
            "created_at": Sanction.objects.get().created_at,
            "until": None,
            "reason": "",
            "by": "system",
        }
    ]


def test_the_messages_of_others_stay_as_they_are(newbox: RoomView, alice: Actor, people: dict[str, Actor]) -> None:
    for number in (alice.id, people["bob"].id):  # a program's author may have any id
        program = Actor("token", number, "alice", "alice", grant=Grant(("newbox",), ("send",)))
        services.post_messages([Post("newbox", f"of program {number}", program)], together=True)
    others = Message.objects.exclude(author_type="user", author_id=alice.id).order_by("pk").values()
    before = list(others)
    erased("alice")
    assert [row for row in others if row["author_id"] != ""] == [row for row in before if row["author_id"] != ""]
    assert Message.objects.filter(text="alice is only mentioned").exists()


def test_nobody_comes_in_with_the_account_again(newbox: RoomView, alice: Actor) -> None:
    name = erased("alice").account
    assert isinstance(refusal(Post("newbox", "by a socket that is open still", alice)), Forbidden)
    with pytest.raises(UserNotFound, match="switched off"):
        history.user_named(name)
    with pytest.raises(UserNotFound):
        history.user_named("alice")


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file", "signed_cookies"])
def test_sessions_end_wherever_they_are_kept(
    engine: str, people: dict[str, Actor], settings: Settings, tmp_path: Path
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    hers, his = sign_in(["alice"]), sign_in(["bob"])
    assert [who(hers[0], settings), who(his[0], settings)] == ["alice", "bob"]
    erased("alice")
    assert [who(hers[0], settings), who(his[0], settings)] == ["", "bob"]


def who(cookie: str, settings: Settings) -> str:
    """Whom a page takes the bearer of this cookie for; nothing for nobody."""
    from importlib import import_module

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie.partition("=")[2])
    return get_user(request).get_username()


class Killed(Exception):
    """The end of a run, in the middle."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", range(1, 7))
def test_a_run_that_was_killed_is_finished_by_the_next(
    newbox: RoomView, people: dict[str, Actor], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_AT_ONCE", 2)
    say("newbox", *(f"hers {number}" for number in range(7)), actor=people["alice"])
    services.delete_message("newbox", 1, people["alice"])
    calls = itertools.count(1)

    def killed(done: int, of: int) -> None:
        if next(calls) == at:
            raise Killed

    if at <= 5:  # four batches of messages, one of changes
        with pytest.raises(Killed):
            erase_user("alice", killed, announce=lambda batches: None)
        assert User.objects.filter(username="alice", is_active=False).exists()
        assert isinstance(refusal(Post("newbox", "meanwhile", people["alice"])), Forbidden)
        last = erased("alice")
    else:
        last = erase_user("alice", killed, announce=lambda batches: None)
    assert last.messages == (max(0, 7 - 2 * at) if at <= 5 else 7)
    assert not Message.objects.exclude(text="", username="deleted user", author_id="").exists()
    room = history.room_named("newbox")
    assert [event.rev for event in logged(newbox)] == list(range(1, room.head + 1))
    assert Change.objects.filter(kind="delete").count() == 8
    again = erased(last.account)
    assert again == (last.account, 0, [])


def test_what_an_import_brings_until_the_last_moment_is_emptied_too(
    people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = erasing._forgotten_changes

    def imported_meanwhile(person: Actor, timeout: float) -> Iterator[int]:
        imported(lines_of(3, room="newbox", account="alice"))
        return real(person, timeout)

    monkeypatch.setattr(erasing, "_forgotten_changes", imported_meanwhile)
    assert erased("alice").messages == 3
    assert "text 1" not in everything()
    assert "alice" not in everything()


def test_a_room_that_is_deleted_meanwhile_is_passed_over(
    newbox: RoomView, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    say("newbox", "hers", actor=people["alice"])
    real = numbers_by

    def deleted_meanwhile(person: Actor, room_id: int, after: int, limit: int) -> list[int]:
        numbers = real(person, room_id, after, limit)
        Room.objects.all().delete()
        return numbers

    monkeypatch.setattr(erasing, "numbers_by", deleted_meanwhile)
    erased("alice")
    assert not User.objects.filter(username="alice").exists()


def test_all_changes_of_a_person_are_forgotten_however_many(
    newbox: RoomView, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_AT_ONCE", 2)
    say("newbox", "hers", actor=people["alice"])
    for number in range(5):
        services.edit_message("newbox", 1, f"hers {number}", people["alice"])
    erased("alice")
    assert {change.by for change in Change.objects.all()} == {"user", "system"}


@pytest.mark.django_db(transaction=True)
def test_a_post_that_was_on_its_way_before_the_ban_is_emptied_too(newbox: RoomView, people: dict[str, Actor]) -> None:
    on_its_way = threading.Event()

    def post_slowly() -> None:
        try:
            with transaction.atomic():
                services.post_messages([Post("newbox", "late", people["alice"])], announce=lambda batches: None)
                on_its_way.set()
                if connection.vendor == "postgresql":  # elsewhere nothing else is written meanwhile
                    wait_until(Sanction.objects.exists, "the ban")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        posting = threads.submit(post_slowly)
        assert on_its_way.wait(DEADLINE_S)
        erased("alice")
        posting.result(DEADLINE_S)
    assert [(message.text, message.author_name) for message in Message.objects.all()] == [("", "")]


def test_the_progress_goes_up_to_the_number_of_messages(
    newbox: RoomView, people: dict[str, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_AT_ONCE", 2)
    services.create_room("other")
    say("newbox", "1", "2", "3", actor=people["alice"])
    say("other", "4", actor=people["alice"])
    seen: list[tuple[int, int]] = []
    erase_user("alice", lambda done, of: seen.append((done, of)), announce=lambda batches: None)
    assert seen == [(2, 4), (3, 4), (4, 4)]


def test_archived_rooms_are_no_hiding_place(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "hers", actor=people["alice"])
    services.archive_room("newbox", SYSTEM)
    assert erased("alice").messages == 1


def test_a_superuser_is_not_erased_by_mistake(people: dict[str, Actor]) -> None:
    with pytest.raises(Forbidden, match="root is a superuser, whom nothing holds: take that right away first"):
        erased("root")
    assert User.objects.get(username="root").is_active
    with pytest.raises(UserNotFound, match="did you mean alice"):
        erased("alcie")


def test_a_name_that_somebody_else_has_chosen_is_not_taken(people: dict[str, Actor]) -> None:
    User.objects.create_user(f"deleted-{people['alice'].id}")
    name = erased("alice").account
    assert name.startswith(f"deleted-{people['alice'].id}-")
    assert User.objects.filter(username=name).count() == 1


def test_an_account_whose_id_begins_like_another_s_is_another_s(newbox: RoomView, people: dict[str, Actor]) -> None:
    other = User.objects.create_user("other", pk=int(people["alice"].id + "0"))
    say("newbox", "of the other", actor=history.user_named("other"))
    sign_in(["other"])
    erased("alice")
    assert Message.objects.get().author_id == str(other.pk)
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_open_pages_see_it_and_who_comes_back_gets_the_same() -> None:
    users = [User.objects.create_user(name) for name in ("alice", "bob")]
    room = services.create_room("newbox").room
    say("newbox", "one", "two", actor=history.user_named("alice"))

    async def check() -> None:
        async with Site() as site, site.hello("newbox", users[1]) as bob:
            await bob.only("open")
            await elsewhere(erased, "alice", bell.ring)
            told = await bob.until("delete")
            while len([frame for frame in told if frame["type"] == "delete"]) < 2:
                told += await bob.until("delete")
            deletes = [frame for frame in told if frame["type"] == "delete"]
            assert [(frame["seq"], frame["rev"], frame["username"]) for frame in deletes] == [
                (1, 3, "deleted user"), (2, 4, "deleted user"),
            ]  # fmt: skip

    asyncio.run(check())
    assert Room.objects.get(pk=room.id).head == 4


def test_ids_of_changes_are_fresh(newbox: RoomView, people: dict[str, Actor]) -> None:
    say("newbox", "one", "two", actor=people["alice"])
    erased("alice")
    ids = list(Change.objects.order_by("rev").values_list("id", flat=True))
    assert len(set(ids)) == 2
    assert {pk.version for pk in ids} == {7}
