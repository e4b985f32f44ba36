"""One socket: who gets in, what each frame is answered with, and that no mistake of a client ends more than it must."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import override_settings

from chatcore import history, services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView
from chatcore.models import Message, ReadMark, Room, Sanction
from tests.integration.sockets import Client, Site, elsewhere, in_a_site
from tests.integration.writing import say
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", first_name="Alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


# Who gets in


async def refused(site: Site, room: str, user: object, *, full: bool = True) -> tuple[str, int]:
    """The error's code and the close code with which the socket ends."""
    async with site.socket(room, user, full=full) as client:
        code, _ = await client.error()
        return code, await client.closed()


def test_who_is_not_signed_in_is_told_so_and_closed_with_4401(newbox: RoomView) -> None:
    async def check(site: Site) -> None:
        for full in (True, False):
            assert await refused(site, "newbox", AnonymousUser(), full=full) == ("not_signed_in", 4401)
        assert await refused(site, "nowhere", AnonymousUser()) == ("not_signed_in", 4401)

    in_a_site(check)


def test_who_is_banned_is_closed_with_4403(newbox: RoomView, alice: User) -> None:
    Sanction.objects.create(user_id=str(alice.pk), user_name="alice", kind="ban")

    async def check(site: Site) -> None:
        assert await refused(site, "newbox", alice) == ("forbidden", 4403)

    in_a_site(check)


def test_an_unknown_room_and_a_private_one_are_4404_alike(newbox: RoomView, alice: User, bob: User) -> None:
    services.create_room("NewBoxes", private=True, members=["bob"])

    async def check(site: Site) -> None:
        details = []
        for room in ("newboxer", "newboxes"):
            async with site.socket(room, alice) as client:
                frame = await client.only("error")
                details.append(frame["detail"].replace(room, "?"))
                assert frame["code"] == "not_found"
                assert await client.closed() == 4404
        assert details == ["no room ?; did you mean newbox?"] * 2
        async with site.socket("newboxes", bob, full=False) as client:
            client.say(message="hi")
            assert (await client.only("message"))["room"] == "NewBoxes"

    in_a_site(check)


@pytest.mark.parametrize("room", ["new\0box", "..", "-rf", "<script>", "x" * 1000, "\u202e"])
def test_an_impossible_room_is_4404(newbox: RoomView, alice: User, room: str) -> None:
    async def check(site: Site) -> None:
        assert await refused(site, room, alice) == ("not_found", 4404)

    in_a_site(check)


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/chat/", "/ws/chat/newbox", "/ws/chat/newbox/x/", "/chat/newbox/"])
def test_any_other_address_is_4404(newbox: RoomView, alice: User, path: str) -> None:
    async def check(site: Site) -> None:
        async with site.connected(path, alice) as client:
            assert await client.error() == ("not_found", None)
            assert await client.closed() == 4404

    in_a_site(check)


@override_settings(CHAT_GUESTS="read")
def test_guests_that_may_read_read(newbox: RoomView) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", AnonymousUser()) as client:
            opened = await client.only("open")
            assert (opened["can_post"], opened["you"]["type"]) == (False, "guest")
            await elsewhere(say, "newbox", "for all")
            assert (await client.only("message"))["message"] == "for all"
            client.say(type="send", message="x", client_id="c")
            assert await client.error() == ("not_signed_in", "c")
            client.say(type="ack", seq=1)
            client.say(type="history")
            assert len((await client.only("history"))["messages"]) == 1
        assert not await elsewhere(ReadMark.objects.exists)

    in_a_site(check)


def test_a_database_that_is_locked_at_the_door_is_said(newbox: RoomView, alice: User) -> None:
    table = Room._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO hidden")
    try:

        async def check(site: Site) -> None:
            assert await refused(site, "newbox", alice) == ("not_migrated", 4400)

        in_a_site(check)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE hidden RENAME TO {table}")


# Plain clients


def test_a_plain_client_sends_and_gets_messages_as_the_tutorial_has_them(
    newbox: RoomView, alice: User, bob: User
) -> None:
    say("newbox", "before")

    async def check(site: Site) -> None:
        async with site.socket("newbox", alice, full=False) as one, site.socket("newbox", bob, full=False) as two:
            one.say(message="hi", username="root", seq=99, created_at="1970-01-01T00:00:00Z")
            for client in (one, two):
                frame = await client.only("message")
                assert (frame["message"], frame["username"], frame["seq"]) == ("hi", "Alice", 2)
                assert frame["author"] == {"type": "user", "id": str(alice.pk), "name": "alice"}
                assert not frame["created_at"].startswith("1970")
            two.say_text("{")
            assert await two.error() == ("bad_json", None)
            two.say(message="")
            assert await two.error() == ("empty", None)
            two.say(message="still here")
            assert (await two.only("message"))["message"] == "still here"

    in_a_site(check)


def test_a_socket_is_accepted_once_it_is_in_the_room_and_not_before(newbox: RoomView, alice: User) -> None:
    """A plain client has no way to ask for what was posted between the two."""

    async def check(site: Site) -> None:
        busy = threading.Event()
        reading = asyncio.create_task(site.lookout.read(busy.wait, DEADLINE_S))
        client = Client("/ws/chat/newbox/", alice, b"", {})
        serving = asyncio.ensure_future(site.application(client.scope, client.receive, client.send))  # type: ignore[arg-type]
        for _ in range(100):
            await asyncio.sleep(0)
        assert client.waiting() == []
        busy.set()
        assert await client.event() == {"type": "websocket.accept"}
        await elsewhere(say, "newbox", "hi")
        assert (await client.only("message"))["message"] == "hi"
        client.leave()
        await asyncio.gather(reading, serving)

    in_a_site(check)


def test_a_plain_client_sees_no_changes_and_no_typing(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with site.socket("newbox", alice, full=False) as plain, site.hello("newbox", bob, after=0) as full:
            await full.only("open")
            await elsewhere(say, "newbox", "a", "b")
            assert [frame["message"] for frame in await plain.frames(2)] == ["a", "b"]
            await elsewhere(services.edit_message, "newbox", 1, "A", SYSTEM)
            full.say(type="typing")
            await elsewhere(services.delete_message, "newbox", 2, SYSTEM)
            await elsewhere(say, "newbox", "c")
            assert (await plain.only("message"))["message"] == "c"
            kinds = sorted(frame["type"] for frame in await full.frames(6))
            assert kinds == ["delete", "edit", "message", "message", "message", "typing"]

    in_a_site(check)


# Frames before and with hello


def test_a_full_client_gets_nothing_before_hello(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.socket("newbox", alice) as client:
            client.say(type="send", message="x", client_id="c")
            assert await client.error() == ("bad_type", None)
            client.say_text("nonsense")
            assert await client.error() == ("bad_json", None)
            client.say(type="hello", after=-1)
            assert await client.error() == ("bad_field", None)
            await elsewhere(say, "newbox", "live")
            client.say(type="hello", after=0)
            assert [frame["type"] for frame in await client.frames(2)] == ["open", "message"]
            client.say(type="hello")
            assert await client.error() == ("bad_type", None)

    in_a_site(check)


def test_open_says_where_one_is_and_who(alice: User, bob: User) -> None:
    services.create_room("Ops", title="Operations", topic="Nightly", members=["alice", "bob"])
    say("Ops", "a", "b")
    services.edit_message("ops", 1, "A", SYSTEM)
    room = history.room_named("ops")

    async def check(site: Site) -> None:
        async with site.hello("OPS", alice, after=3) as client:
            assert await client.only("open") == {
                "type": "open", "room": "Ops", "head": 3, "floor": 0, "epoch": room.epoch, "last_seq": 2,
                "you": {"type": "user", "id": str(alice.pk), "name": "alice", "username": "Alice"},
                "can_post": True, "title": "Operations", "topic": "Nightly", "members": 2,
                "read_seq": 0, "may_moderate": False, "banner": None, "seq_floor": 0, "announce_only": False,
                "archived": False,
            }  # fmt: skip

    in_a_site(check)


def test_open_says_how_far_one_has_read_and_whether_one_moderates(alice: User, bob: User) -> None:
    room = services.create_room("ops", owner="alice", members=["bob"]).room
    say("ops", "a", "b", "c")
    ReadMark.objects.create(room_id=room.id, user_id=str(alice.pk), seq=2, at=datetime.now(UTC))

    async def check(site: Site) -> None:
        for user, expected in ((alice, (2, True)), (bob, (0, False))):
            async with site.hello("ops", user) as client:
                opened = await client.only("open")
                assert (opened["read_seq"], opened["may_moderate"]) == expected

    in_a_site(check)


def test_a_ping_is_answered_without_a_query(alice: User, newbox: RoomView) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            client.say(type="ping")
            assert await client.frame() == {"type": "pong", "room": "newbox"}
            client.say(type="ping", extra=1)
            assert await client.error() == ("bad_field", None)

    in_a_site(check)


@pytest.mark.parametrize("change", [{"announce_only": True}, {"archived_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_open_says_when_one_may_not_post(newbox: RoomView, alice: User, change: dict[str, Any]) -> None:
    Room.objects.update(**change)

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            assert (await client.only("open"))["can_post"] is False
            client.say(type="send", message="x", client_id="c")
            code, client_id = await client.error()
            assert (code, client_id) == ("forbidden" if "announce_only" in change else "archived", "c")

    in_a_site(check)


# Sending


def test_sent_comes_once_it_is_on_disk_and_the_message_to_all(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as one, site.hello("newbox", bob) as two:
            await one.only("open")
            await two.only("open")
            one.say(type="send", message="hi", client_id="c-1", reply_to=None)
            frames = {frame["type"]: frame for frame in await one.frames(2)}
            assert frames["sent"] == {
                "type": "sent", "room": "newbox", "client_id": "c-1", "seq": 1, "rev": 1, "duplicate": False,
            }  # fmt: skip
            assert frames["message"]["client_id"] == "c-1"
            assert await two.only("message") == frames["message"]
            row = await elsewhere(Message.objects.get)
            assert (row.text, row.source, row.key, row.key_scope) == ("hi", "web", "c-1", f"u:{alice.pk}")

    in_a_site(check)


def test_the_same_client_id_is_stored_once_also_over_another_socket(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as one:
            await one.only("open")
            one.say(type="send", message="hi", client_id="c")
            one.say(type="send", message="hi", client_id="c")
            frames = await one.frames(3)
            sent = [(frame["seq"], frame["duplicate"]) for frame in frames if frame["type"] == "sent"]
            assert sorted(sent) == [(1, False), (1, True)]
        async with site.hello("newbox", alice, after=1) as again:
            await again.only("open")
            again.say(type="send", message="hi", client_id="c")
            assert (await again.only("sent"))["duplicate"]
            again.say(type="send", message="other", client_id="c")
            assert await again.error() == ("key_reused", "c")
        async with site.hello("newbox", bob, after=1) as other:
            await other.only("open")
            other.say(type="send", message="hi", client_id="c")
            frames = await other.frames(2)
            assert {frame["seq"] for frame in frames} == {2}
        assert await elsewhere(Message.objects.count) == 2

    in_a_site(check)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"message": ""}, "empty"), ({"message": " \n"}, "empty"), ({"message": "x" * 4001}, "too_long"),
        ({"message": "a\0b"}, "bad_text"), ({"message": "x", "reply_to": 99}, "not_found"), ({}, "bad_field"),
        ({"message": "x", "username": "root"}, "bad_field"), ({"message": 5}, "bad_field"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_is_an_error_about_that_message(
    newbox: RoomView, alice: User, frame: dict[str, Any], code: str
) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            client.say(type="send", client_id="c", **frame)
            assert await client.error() == (code, "c")
            client.say(type="send", message="fine", client_id="d")
            assert {found["type"] for found in await client.frames(2)} == {"sent", "message"}

    in_a_site(check)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"), ("null", "bad_json"), ("[]", "bad_json"), ("[" * 60_000, "bad_json"),
        ('{"type":"room.events"}', "bad_type"), ('{"type":"roomline.ring","v":1}', "bad_type"),
        ('{"type":"edit","seq":-1,"message":"x"}', "bad_field"), ('{"type":"typing","typing":1}', "bad_field"),
        ('{"type":"send","message":"\\ud800"}', "bad_json"), ('{"type":"send","message":NaN}', "bad_json"),
        ('{"type":"send","message":"a","message":"b"}', "bad_json"),
    ],
)  # fmt: skip
def test_a_bad_frame_is_an_error_and_the_socket_stays(newbox: RoomView, alice: User, text: str, code: str) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            client.say_text(text)
            assert await client.error() == (code, None)
            client.say_bytes(b"\x00\xff")
            assert await client.error() == ("bad_json", None)
            client.say(type="history")
            await client.only("history")

    in_a_site(check)


@override_settings(CHAT_RATE="1/h burst 3")
def test_who_sends_more_than_the_rate_is_told_to_wait(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with (
            site.hello("newbox", alice) as one,
            site.hello("newbox", alice) as two,
            site.hello("newbox", bob) as b,
        ):
            for client in (one, two, b):
                await client.only("open")
            for number in range(3):
                (one, two)[number % 2].say(type="send", message="x", client_id=str(number))
            two.say(type="send", message="x", client_id="over")
            errors = [frame for frame in await two.until("error") if frame["type"] == "error"]
            assert [(frame["code"], frame["client_id"]) for frame in errors] == [("rate", "over")]
            assert "wait" in errors[0]["detail"]
            one.say(type="edit", seq=1, message="y", client_id="e")
            errors = [frame for frame in await one.until("error") if frame["type"] == "error"]
            assert errors[0]["code"] == "rate"
            b.say(type="send", message="x", client_id="b")
            await b.until("sent")

    in_a_site(check)


def test_a_flood_of_frames_is_closed_with_4029(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            for _ in range(2000):
                client.say(type="typing")
            assert await client.error() == ("rate", None)
            assert await client.closed() == 4029

    in_a_site(check)


def test_a_database_that_cannot_be_written_is_an_error_frame_and_heals(newbox: RoomView, alice: User) -> None:
    def read_only(connection: Any, **_: Any) -> None:
        if threading.current_thread().name.startswith("chat-commits"):
            connection.connection.execute("PRAGMA query_only = 1")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as client:
            await client.only("open")
            connection_created.connect(read_only)
            try:
                client.say(type="send", message="x", client_id="c")
                assert await client.error() == ("unavailable", "c")
                assert site.writer.failed_at is not None
                client.say(type="edit", seq=1, message="x", client_id="e")
                assert await client.error() == ("unavailable", "e")
            finally:
                connection_created.disconnect(read_only)
            assert await elsewhere(Message.objects.count) == 0
            client.say(type="send", message="x", client_id="c")
            assert {frame["type"] for frame in await client.frames(2)} == {"sent", "message"}
            assert site.writer.failed_at is None

    in_a_site(check)


# Editing, deleting, acks, typing, history


def test_edits_and_deletions_reach_all(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as one, site.hello("newbox", bob) as two:
            for client in (one, two):
                await client.only("open")
            one.say(type="send", message="helo", client_id="c")
            await one.frames(2)
            await two.frames(1)
            one.say(type="edit", seq=1, message="hello")
            edits = [await client.only("edit") for client in (one, two)]
            assert edits[0] == edits[1]
            assert (edits[0]["message"], edits[0]["seq"], edits[0]["rev"]) == ("hello", 1, 2)
            two.say(type="delete", seq=1, client_id="d")
            assert await two.error() == ("forbidden", "d")
            two.say(type="edit", seq=7, message="x", client_id="e")
            assert await two.error() == ("not_found", "e")
            one.say(type="delete", seq=1)
            deleted = [await client.only("delete") for client in (one, two)]
            assert (deleted[1]["deleted"], deleted[1]["message"], deleted[1]["rev"]) == (True, "", 3)
            one.say(type="edit", seq=1, message="back")
            assert await one.error() == ("forbidden", None)

    in_a_site(check)


def test_an_ack_moves_the_read_mark_and_not_beyond_the_room(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(5)))

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.until("message")
            client.say(type="ack", seq=3)
            client.say(type="ack", seq=2)
            client.say(type="history")
            await client.until("history")
        async with site.hello("newbox", alice, after=5) as client:
            await client.only("open")
            client.say(type="ack", seq=2**63 - 1)
            client.say(type="history")
            await client.until("history")

    in_a_site(check)
    assert ReadMark.objects.get().seq == 5


def test_typing_is_told_to_those_who_are_there_and_not_stored(newbox: RoomView, alice: User, bob: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as one, site.hello("newbox", bob, after=0) as two:
            for client in (one, two):
                await client.only("open")
            for _ in range(5):
                one.say(type="typing")
            one.say(type="history")
            await one.until("history")
            assert await two.only("typing") == {
                "type": "typing", "room": "newbox", "username": "Alice",
                "author": {"type": "user", "id": str(alice.pk), "name": "alice"},
            }  # fmt: skip
            assert two.waiting() == [], "once a second is enough"
        assert (await elsewhere(history.room_named, "newbox")).head == 0

    in_a_site(check)


def test_who_may_not_post_does_not_type(newbox: RoomView, alice: User, bob: User) -> None:
    Sanction.objects.create(user_id=str(alice.pk), user_name="alice", kind="mute")

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as one, site.hello("newbox", bob, after=0) as two:
            for client in (one, two):
                await client.only("open")
            one.say(type="typing")
            one.say(type="history")
            await one.only("history")
            two.say(type="history")
            await two.only("history")

    in_a_site(check)


def test_history_goes_both_ways_and_says_whether_there_is_more(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(1, 101)))
    services.delete_message("newbox", 50, SYSTEM)

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=101) as client:
            await client.only("open")

            async def ask(**question: Any) -> tuple[list[int], bool]:
                client.say(type="history", **question)
                frame = await client.only("history")
                assert frame["room"] == "newbox"
                assert all(message["type"] == "message" for message in frame["messages"])
                return [message["seq"] for message in frame["messages"]], frame["more"]

            assert await ask() == (list(range(51, 101)), True)
            assert await ask(before=51, limit=10) == (list(range(41, 51)), True)
            assert await ask(before=11, limit=10) == (list(range(1, 11)), False)
            assert await ask(before=1) == ([], False)
            assert await ask(after=0, limit=3) == ([1, 2, 3], True)
            assert await ask(after=97, limit=3) == ([98, 99, 100], False)
            assert await ask(after=100) == ([], False)
            assert await ask(after=2**63 - 1) == ([], False)
            assert await ask(limit=500) == (list(range(1, 101)), False)

    in_a_site(check)


def test_a_client_that_leaves_in_the_middle_of_anything_leaves_nothing_behind(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(100)))

    async def check(site: Site) -> None:
        frames: list[dict[str, Any]] = [
            {"type": "hello"}, {"type": "send", "message": "x"}, {"type": "history"},
            {"type": "edit", "seq": 1, "message": "y"},
        ]  # fmt: skip
        for count in range(len(frames) + 1):
            async with site.socket("newbox", alice) as client:
                for frame in frames[:count]:
                    client.say(**frame)
        assert site.hub._rooms == {}
        assert site.lookout._ears == {}

    in_a_site(check)
