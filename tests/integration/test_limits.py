"""How much one socket, one person and one address may have: each limit is told, and nothing of who is gone stays."""

import asyncio
from typing import Any

import pytest
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.test import override_settings
from django.urls import path

from chatcore import services
from chatcore.actors import actor_for
from chatcore.consumers import ChatConsumer, session
from chatcore.exceptions import TooManyMembers, TooManyRooms
from chatcore.history import RoomView
from chatcore.limits import Limits
from chatcore.models import Membership, Room
from tests.integration.sockets import Client, Site, elsewhere, in_a_site
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


async def refusal(client: Client) -> tuple[str, float, int]:
    """The error's code, after how many seconds to come back, the close code."""
    error = (await client.until("error"))[-1]
    return error["code"], error["retry_after"], await client.closed()


# What one socket sends


@override_settings(CHAT_SOCKET_FRAMES="1/h burst 20")
def test_a_socket_that_sends_too_many_frames_is_told_when_to_come_back_and_closed(
    newbox: RoomView, alice: User
) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            for _ in range(19):
                client.say(type="ping")
            assert {frame["type"] for frame in await client.frames(19)} == {"pong"}
            client.say(type="ping")
            code, wait, closed = await refusal(client)
            assert (code, closed) == ("rate", 4029)
            assert 3590 < wait <= 3600

    in_a_site(check)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("text", ["x" * 3000, "é" * 1500])
@override_settings(CHAT_SOCKET_BYTES="1/h burst 10000")
def test_a_socket_that_sends_too_many_bytes_is_closed(newbox: RoomView, alice: User, text: str, full: bool) -> None:
    async def check(site: Site) -> None:
        async with site.socket("newbox", alice, full=full) as client:
            for _ in range(4):
                client.say_text(f'{{"type": "hello", "x": "{text}"}}')
            assert [(await client.only("error"))["code"] for _ in range(3)] == ["bad_field"] * 3
            assert (await refusal(client))[::2] == ("rate", 4029)

    in_a_site(check)


@override_settings(CHAT_SOCKET_BYTES="1/h burst 10000")
def test_bytes_that_are_no_text_count_too(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.socket("newbox", alice) as client:
            for _ in range(4):
                client.say_bytes(b"\xff" * 3000)
            assert [(await client.only("error"))["code"] for _ in range(3)] == ["bad_json"] * 3
            assert (await refusal(client))[::2] == ("rate", 4029)

    in_a_site(check)


@override_settings(CHAT_RATE="off", CHAT_SOCKET_FRAMES="1/h", CHAT_SOCKET_BYTES="1/h", CHAT_HISTORY_RATE="1/h")
def test_with_the_rate_off_nothing_that_is_so_much_a_second_is_limited(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            for _ in range(50):
                client.say(type="ping")
                client.say(type="history")
            assert all(frame["type"] in ("pong", "history", "presence") for frame in await client.frames(100))

    in_a_site(check)


# What one person asks for


@override_settings(CHAT_RATE="2/h burst 1")
def test_a_message_too_many_says_after_how_many_seconds_it_may_be_sent(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.only("open")
            for number in range(2):
                client.say(type="send", message="x", client_id=str(number))
            error = (await client.until("error"))[-1]
            assert (error["code"], error["client_id"]) == ("rate", "1")
            assert 1790 < error["retry_after"] <= 1800
            client.say_text("no json")
            assert "retry_after" not in (await client.until("error"))[-1]

    in_a_site(check)


@override_settings(CHAT_HISTORY_RATE="1/h burst 3")
def test_history_is_limited_by_person_on_all_sockets_and_the_socket_stays(
    newbox: RoomView, alice: User, bob: User
) -> None:
    async def check(site: Site) -> None:
        async with (
            site.hello("newbox", alice) as one,
            site.hello("newbox", alice) as two,
            site.hello("newbox", bob) as b,
        ):
            for client in (one, two, b):
                await client.only("open")
            for client in (one, two, one):
                client.say(type="history")
                await client.until("history")
            two.say(type="history")
            error = (await two.until("error"))[-1]
            assert error["code"] == "rate"
            assert 3590 < error["retry_after"] <= 3600
            b.say(type="history")
            await b.until("history")
            two.say(type="ping")
            await two.until("pong")

    in_a_site(check)


@override_settings(CHAT_HISTORY_PAGE=10)
def test_a_page_of_history_has_no_more_messages_than_the_setting_says(newbox: RoomView, alice: User) -> None:
    say("newbox", *map(str, range(25)))

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice) as client:
            await client.until("open")
            for bounds, expected in (({"before": 26}, range(16, 26)), ({"after": 20}, range(21, 26))):
                client.say(type="history", limit=500, **bounds)
                answer = (await client.until("history"))[-1]
                assert [message["seq"] for message in answer["messages"]] == list(expected)
                assert answer["more"] is (len(expected) == 10)

    in_a_site(check)


def test_posts_under_way_count_until_they_are_answered_however_they_end(
    newbox: RoomView, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_IN_FLIGHT", 3)

    async def check(site: Site) -> None:
        async with site.hello("newbox", alice, after=0) as client:
            await client.only("open")
            for number in range(5):
                client.say(type="send", message="stored", client_id=str(number))
                await client.until("sent")
            await elsewhere(Room.objects.update, private=True)
            for number in range(5):
                client.say(type="send", message="refused", client_id=f"late {number}")
                assert (await client.until("error"))[-1]["code"] == "not_found"

    in_a_site(check)


# How many sockets


@override_settings(CHAT_SOCKETS_PER_PERSON=3)
def test_a_person_s_socket_too_many_is_told_so_and_closed_until_another_one_is_gone(
    newbox: RoomView, alice: User, bob: User
) -> None:
    async def check(site: Site) -> None:
        async with site.socket("newbox", alice), site.socket("newbox", alice, full=False):
            async with site.socket("newbox", alice):
                async with site.socket("newbox", alice) as fourth:
                    code, wait, closed = await refusal(fourth)
                    assert (code, closed) == ("too_many_sockets", 4029)
                    assert wait > 0
                async with site.hello("newbox", bob) as other:
                    await other.only("open")
            async with site.hello("newbox", alice) as again:
                await again.only("open")

    in_a_site(check)


def from_address(site: Site, user: User, *client: Any) -> Any:
    """A full client from there."""
    return site.connected("/ws/chat/newbox/", user, address=list(client) or None)


@pytest.mark.parametrize(
    ("one", "other"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8::1", "2001:db8:0:1::1"), ("::ffff:203.0.113.7", "203.0.113.8")],
)
@override_settings(CHAT_SOCKETS_PER_ADDRESS=2)
def test_an_address_s_socket_too_many_is_told_so_and_closed(
    newbox: RoomView, alice: User, bob: User, one: str, other: str
) -> None:
    async def check(site: Site) -> None:
        async with from_address(site, alice, one, 1), from_address(site, bob, one, 2):
            async with from_address(site, bob, one, 3) as third:
                code, _, closed = await refusal(third)
                assert (code, closed) == ("too_many_sockets", 4029)
            async with from_address(site, bob, other, 1) as client:
                client.say(type="hello")
                await client.only("open")

    in_a_site(check)


@override_settings(CHAT_SOCKETS_PER_ADDRESS=1)
def test_addresses_of_one_ipv6_subscriber_count_together(newbox: RoomView, alice: User) -> None:
    async def check(site: Site) -> None:
        async with from_address(site, alice, "2001:db8::1", 1), from_address(site, alice, "2001:db8::2", 1) as second:
            assert (await refusal(second))[0] == "too_many_sockets"

    in_a_site(check)


@pytest.mark.parametrize(
    "client", [("127.0.0.1", 5), ("127.8.8.8", 5), ("::1", 5), ("::ffff:127.0.0.1", 5), ("", 0), ()]
)
@override_settings(CHAT_SOCKETS_PER_ADDRESS=1)
def test_this_machine_and_unix_sockets_are_no_address(newbox: RoomView, alice: User, client: tuple[Any, ...]) -> None:
    async def check(site: Site) -> None:
        async with from_address(site, alice, *client), from_address(site, alice, *client) as second:
            second.say(type="hello")
            await second.only("open")

    in_a_site(check)


@override_settings(CHAT_SOCKETS_PER_PERSON=5, CHAT_SOCKET_FRAMES="1/h burst 5")
def test_nothing_stays_of_sockets_that_came_and_went_however_they_went(
    newbox: RoomView, alice: User, bob: User
) -> None:
    """Early, in the middle, late; refused, thrown out, interrupted."""
    Room.objects.create(name="Secret", name_key="secret", private=True)

    async def check(site: Site) -> None:
        limits = Limits()
        consumer = ChatConsumer.as_asgi(hub=site.hub, writer=site.writer, limits=limits)
        site.application = URLRouter([path("ws/chat/<str:room>/", consumer)])  # type: ignore[arg-type, list-item]
        for _ in range(30):
            async with site.socket("newbox", alice):
                pass
            async with site.hello("newbox", alice):
                pass
            async with site.socket("secret", alice, full=False) as refused:
                assert await refused.error() == ("not_found", None)
            async with from_address(site, bob, "203.0.113.7", 1) as flooder:
                flooder.say(type="hello")
                for _ in range(10):
                    flooder.say(type="ping")
                assert (await refusal(flooder))[2] == 4029
            await interrupted(site, alice)
        assert limits.sockets == {}
        assert site.hub.rooms() == {}
        assert site.hub.visitors() == {}

    in_a_site(check)


async def interrupted(site: Site, user: User) -> None:
    """The server gives up the application of a socket: once at each of its first steps."""
    for steps in range(6):
        client = Client("/ws/chat/newbox/", user, b"v=1", {})
        client.say(type="hello")
        task = asyncio.create_task(site.application(client.scope, client.receive, client.send))  # type: ignore[arg-type]
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


# Rooms and members


@override_settings(CHAT_ROOMS_PER_PERSON=2, CHAT_ROOM_CREATE="users")
def test_who_owns_enough_rooms_is_given_no_more_and_nobody_gets_rid_of_his_so() -> None:
    alice, bob = (User.objects.create_user(name) for name in ("alice", "bob"))
    root = actor_for(User.objects.create_superuser("root"))
    actor = actor_for(alice)
    for number in range(3):
        services.create_room(f"room-{number}", owner="alice", actor=actor)
        if number < 2:
            services.add_member(f"room-{number}", "bob", "owner", actor)
            services.leave_room(f"room-{number}", actor)
    with pytest.raises(TooManyRooms):
        services.add_member("room-2", "bob", "owner", actor)
    services.add_member("room-1", "bob", "owner", actor_for(bob))  # which he is
    services.add_member("room-2", "bob", "member", actor)
    services.add_member("room-2", "bob", "owner", root)


@override_settings(CHAT_ROOMS_PER_PERSON=2, CHAT_ROOM_CREATE="users")
def test_who_owns_as_many_rooms_as_may_be_creates_no_more(alice: User, bob: User, client: Browser) -> None:
    client.force_login(alice)
    for name in ("one", "two"):
        assert client.post("/rooms/new/", {"name": name}).status_code == 302
    answer = client.post("/rooms/new/", {"name": "three"})
    assert answer.status_code == 403
    assert "Nobody may own more than 2 rooms here." in answer.content.decode()
    with pytest.raises(TooManyRooms):
        services.create_room("three", owner="alice", actor=actor_for(alice))
    assert not Room.objects.filter(name="three").exists()
    services.create_room("three", owner="alice")  # by who runs the site
    alice.is_superuser = True
    services.create_room("four", owner="alice", actor=actor_for(alice))
    client.force_login(bob)
    assert client.post("/rooms/new/", {"name": "five"}).status_code == 302


@override_settings(CHAT_MEMBERS_PER_ROOM=2)
def test_a_room_takes_no_more_members_than_may_be(newbox: RoomView, alice: User, bob: User, client: Browser) -> None:
    carol = User.objects.create_user("carol")
    services.add_member("newbox", "alice", "owner", services_actor := actor_for(User(is_superuser=True, pk=99)))
    services.join_room("newbox", actor_for(bob))
    for refused in (
        lambda: services.join_room("newbox", actor_for(carol)),
        lambda: services.add_member("newbox", "carol", "member", services_actor),
        lambda: services.create_room("other", owner="alice", members=["bob", "carol"]),
    ):
        with pytest.raises(TooManyMembers):
            refused()
    assert services.add_member("newbox", "bob", "moderator", services_actor).after == "moderator"
    client.force_login(carol)
    answer = client.post("/chat/newbox/people/", {"do": "join"})
    assert answer.status_code == 403
    assert "This room has 2 members, and cannot have more." in answer.content.decode()
    assert not Room.objects.filter(name="other").exists()
    assert Membership.objects.filter(room_id=newbox.id).count() == 2


def test_searching_too_often_is_answered_with_when_to_come_back(newbox: RoomView, alice: User, client: Browser) -> None:
    client.force_login(alice)
    answers = [client.get("/chat/newbox/search/", {"q": "x"}) for _ in range(12)]
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
