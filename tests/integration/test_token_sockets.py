"""Sockets of programs: opened by a token, with what it may, until it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from chatcore import services
from chatcore.actors import SYSTEM
from chatcore.models import Message, Token
from chatcore.services.tokens import create_token, revoke_token
from tests.integration.api import served
from tests.integration.sockets import Client, elsewhere
from tests.integration.writing import say
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(autouse=True)
def rooms() -> None:
    services.create_room("ops")
    services.create_room("vault", private=True)


def text_of(*rooms: str, name: str = "ci", **options: Any) -> str:
    return create_token(name, list(rooms or ["*"]), **options).text


def in_the_chat(check: Callable[[Connect], Awaitable[None]]) -> None:
    """The check, with all of a process; it gets what opens a socket."""

    async def run() -> None:
        async with served() as app:

            @asynccontextmanager
            async def connect(
                room: str, text: str | None = None, *, full: bool = True, cookie: str = "", local: bool = False
            ) -> AsyncIterator[Client]:
                client = Client(f"/ws/chat/{room}/", None, b"v=1" if full else b"", {})
                client.scope["headers"] = [(b"host", b"testserver"), (b"cookie", cookie.encode())]
                if text is not None:
                    client.scope["headers"].append((b"authorization", f"Bearer {text}".encode()))
                if local:
                    client.scope["extensions"] = {"roomline.peer": {"uid": 0}}
                task = asyncio.create_task(app(client.scope, client.receive, client.send))
                try:
                    assert await client.event() == {"type": "websocket.accept"}
                    if full:
                        client.say(type="hello")
                    yield client
                finally:
                    client.leave()
                    await asyncio.wait_for(task, DEADLINE_S)

            await check(connect)

    asyncio.run(run())


def test_a_full_client_with_a_token_is_that_token() -> None:
    text = text_of("ops")

    async def check(connect: Connect) -> None:
        async with connect("ops", text) as client:
            opened = await client.only("open")
            assert opened["you"] == {"type": "token", "id": text[3:15], "name": "ci", "username": "ci"}
            assert (opened["can_post"], opened["may_moderate"]) == (True, False)
            client.say(type="send", message="hello", client_id="a")
            message = (await client.until("message"))[-1]
            assert message["author"] == {"type": "token", "id": text[3:15], "name": "ci"}
            assert message["source"] == "http"
            client.say(type="edit", seq=1, message="changed")
            assert (await client.until("edit"))[-1]["message"] == "changed"

    in_the_chat(check)
    assert Message.objects.get().key_scope == f"t:{text[3:15]}"


def test_a_plain_client_with_a_token_reads_and_writes_as_any() -> None:
    text = text_of("ops")

    async def check(connect: Connect) -> None:
        async with connect("ops", text, full=False) as client:
            client.say(message="hello", username="somebody else")
            frame = await client.only("message")
            assert (frame["message"], frame["username"]) == ("hello", "ci")

    in_the_chat(check)


def test_a_token_that_may_only_read_is_told_so_and_cannot_write() -> None:
    text = text_of("ops", can=["read"])

    async def check(connect: Connect) -> None:
        async with connect("ops", text) as client:
            assert not (await client.only("open"))["can_post"]
            client.say(type="send", message="hello", client_id="a")
            assert await client.error() == ("forbidden", "a")

    in_the_chat(check)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("room", "granted", "can", "expected"),
    [
        ("ops", ["ops"], ["send"], ("forbidden", 4403)),
        ("vault", ["*"], ["read", "send"], ("not_found", 4404)),
        ("ops", ["vault"], ["read", "send"], ("not_found", 4404)),
        ("nowhere", ["*"], ["read"], ("not_found", 4404)),
    ],
)
def test_where_a_token_may_not_read_its_socket_is_closed(
    room: str, granted: list[str], can: Any, expected: tuple[str, int]
) -> None:
    text = text_of(*granted, can=can)

    async def check(connect: Connect) -> None:
        async with connect(room, text) as client:
            assert ((await client.only("error"))["code"], await client.closed()) == expected

    in_the_chat(check)


def cookie_of(user: User) -> str:
    browser = Browser()
    browser.force_login(user)
    return f"{django_settings.SESSION_COOKIE_NAME}={browser.cookies[django_settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.parametrize("full", [True, False])
def test_what_is_no_token_is_refused_with_4401_whatever_the_cookie_says(full: bool) -> None:
    text = text_of("ops")
    revoke_token("ci")
    cookie = cookie_of(User.objects.create_user("alice"))

    async def check(connect: Connect) -> None:
        for wrong, said in ((text, "revoked"), ("nonsense", "no token"), (text[:-1] + "!", "no token")):
            async with connect("ops", wrong, full=full, cookie=cookie) as client:
                frame = await client.only("error")
                assert (frame["code"], await client.closed()) == ("not_signed_in", 4401)
                assert said in frame["detail"]
                assert wrong not in frame["detail"]
        async with connect("ops", cookie=cookie) as client:
            assert (await client.only("open"))["you"]["name"] == "alice"

    in_the_chat(check)


def is_revoked() -> None:
    revoke_token("ci")


def expires() -> None:
    Token.objects.filter(name="ci").update(expires_at=timezone.now())


def is_gone() -> None:
    Token.objects.filter(name="ci").delete()


def may_not_read_any_more() -> None:
    Token.objects.filter(name="ci").update(can_read=False)


def loses_the_room() -> None:
    Token.objects.get(name="ci").rooms.clear()


ENDS: list[tuple[Callable[[], None], tuple[str, int]]] = [
    (is_revoked, ("not_signed_in", 4401)),
    (expires, ("not_signed_in", 4401)),
    (is_gone, ("not_signed_in", 4401)),
    (may_not_read_any_more, ("forbidden", 4403)),
    (loses_the_room, ("not_found", 4404)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("happens", "told"), ENDS)
def test_the_sockets_of_a_token_end_with_what_it_may(happens: Callable[[], None], told: tuple[str, int]) -> None:
    text, other = text_of("ops"), text_of("ops", name="other")

    async def check(connect: Connect) -> None:
        async with (
            connect("ops", text) as full,
            connect("ops", text, full=False) as plain,
            connect("ops", other) as stays,
        ):
            await full.only("open")
            await stays.only("open")
            await elsewhere(happens)
            for client in (full, plain):
                frame = (await client.until("error"))[-1]
                assert (frame["code"], await client.closed()) == told
            await elsewhere(say, "ops", "still there")
            assert (await stays.until("message"))[-1]["message"] == "still there"
            assert full.waiting() == plain.waiting() == []

    in_the_chat(check)


def test_what_a_token_may_from_now_on_is_told_to_its_sockets() -> None:
    text = text_of("ops")

    async def check(connect: Connect) -> None:
        async with connect("ops", text) as client:
            await client.only("open")
            await elsewhere(Token.objects.update, can_send=False)
            assert not (await client.until("room"))[-1]["can_post"]

    in_the_chat(check)


def test_a_token_has_a_rate_of_its_own() -> None:
    text, other = text_of("ops", rate="1/h burst 2"), text_of("ops", name="other")

    async def check(connect: Connect) -> None:
        async with connect("ops", text) as one, connect("ops", text) as two, connect("ops", other) as free:
            for client in (one, two, free):
                await client.only("open")
            for number, (client, answer) in enumerate([(one, "sent"), (two, "sent"), (one, "error"), (two, "error")]):
                client.say(type="send", message="hello", client_id=str(number))
                assert (await client.until(answer))[-1].get("code", "rate") == "rate"
            for number in range(10):
                free.say(type="send", message=f"free {number}", client_id=f"free {number}")
            for _ in range(10):
                await free.until("sent")

    in_the_chat(check)
    assert Message.objects.count() == 12


def test_a_program_of_this_machine_is_the_system(settings: Settings) -> None:
    settings.CHAT_RATE = "1/h burst 1"
    services.archive_room("ops", SYSTEM)

    async def check(connect: Connect) -> None:
        async with connect("vault", local=True) as client:
            assert (await client.only("open"))["you"]["type"] == "system"
            for number in range(3):
                client.say(type="send", message=str(number), client_id=str(number))
            assert [(await client.until("message"))[-1]["source"] for _ in range(3)] == ["cli"] * 3
        async with connect("ops", local=True) as client:
            assert not (await client.only("open"))["can_post"]

    in_the_chat(check)


def test_a_token_is_not_among_the_people_who_are_there() -> None:
    text = text_of("ops")
    alice = cookie_of(User.objects.create_user("alice"))

    async def check(connect: Connect) -> None:
        async with connect("ops", text) as program, connect("ops", cookie=alice) as person:
            await program.only("open")
            await person.only("open")
            here: list[str] = []
            while not here:
                news = (await person.until("presence"))[-1]
                here = [one["name"] for one in news["people"] or news["joined"]]
            assert (news["count"], here) == (1, ["alice"])

    in_the_chat(check)
