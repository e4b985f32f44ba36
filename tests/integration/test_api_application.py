"""The API as an ASGI application: where it is, which methods, who may ask from a browser, and what goes wrong."""

import asyncio
import logging
from typing import Any

import pytest
from django.test import override_settings
from django.urls import clear_script_prefix, include, path, set_script_prefix

from chatcore import credentials
from chatcore.api import application
from chatcore.api.table import OPERATIONS
from chatcore.exceptions import Unavailable
from chatcore.history import RoomView
from chatcore.models import Message
from chatcore.services.tokens import revoke_token
from chatcore.writer import Writer
from tests.integration.api import Program, Told, asked, made_hook, made_token, served
from tests.integration.sockets import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES = "rooms/newbox/messages"
ORIGIN = "https://status.example.org"
urlpatterns = [path("talk/", include("chatcore.urls"))]


def test_each_address_has_its_methods(newbox: RoomView) -> None:
    methods = ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "post"]
    answers = asked(*((method, "hooks/x", None) for method in methods))
    assert [(told.status, told.headers["allow"]) for told in answers] == [(405, "POST")] * len(methods)
    for method, told in zip(methods, answers, strict=True):
        assert told.body == b"" if method == "HEAD" else told.json["code"] == "method"


def test_an_address_that_is_not_there_says_so_as_json() -> None:
    addresses = ["nothing", "rooms/newbox/nothing", "x/y/z", "rooms/newbox/messages/1/2", "Rooms"]
    answers = asked(*(("GET", address, None) for address in addresses))
    told = [(one.status, one.json["type"], one.json["code"]) for one in answers]
    assert told == [(404, "error", "not_found")] * len(addresses)


def test_head_is_answered_as_get_without_a_body(newbox: RoomView) -> None:
    get, head = asked(("GET", "openapi.json", None), ("HEAD", "openapi.json", None))
    assert (get.status, head.status, head.body) == (200, 200, b"")
    assert get.headers["content-length"] == head.headers["content-length"] == str(len(get.body))


def test_the_documentation_and_what_is_not_the_apis_is_left_to_the_pages() -> None:
    async def scenario() -> list[Told]:
        async with served() as app:
            program = Program(app)
            return [await program.ask("GET", ""), await Program(app, local=True).ask("GET", "")]

    page, local = asyncio.run(scenario())
    assert (page.status, page.body) == (299, b"/api/")
    assert local.status == 404


def test_the_api_is_below_the_place_of_the_chat(newbox: RoomView) -> None:
    token = made_token("newbox")
    with override_settings(ROOT_URLCONF=__name__):
        (below,) = asked(("POST", MESSAGES, "a"), token=token, prefix="/talk")
        (beside,) = asked(("POST", MESSAGES, "a"), token=token)
        (local,) = asked(("POST", MESSAGES, "b"), local=True)
    assert (below.status, beside.status, local.status) == (201, 299, 201)


def test_the_api_is_below_the_prefix_of_the_site(newbox: RoomView) -> None:
    token = made_token("newbox")
    set_script_prefix("/site/")
    try:
        with override_settings(FORCE_SCRIPT_NAME="/site"):
            (told,) = asked(("POST", MESSAGES, "a"), token=token, prefix="/site")
            (local,) = asked(("POST", MESSAGES, "b"), local=True)
    finally:
        clear_script_prefix()
    assert (told.status, local.status) == (201, 201)


# Browsers


def test_no_other_sites_page_may_use_the_api(newbox: RoomView) -> None:
    sent, asking = asked(
        ("POST", MESSAGES, "a", {"headers": {"origin": ORIGIN}}),
        ("OPTIONS", MESSAGES, None, {"headers": {"origin": ORIGIN, "access-control-request-method": "POST"}}),
        token=made_token("newbox"),
    )  # fmt: skip
    assert asking.status == 405
    assert not [name for told in (sent, asking) for name in told.headers if name.startswith("access-control")]


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), ("https://evil.example.org", False), ("null", False)])
def test_pages_of_sites_that_are_let_in_may(newbox: RoomView, origin: str, allowed: bool) -> None:
    with override_settings(CHAT_API_ORIGINS=[ORIGIN]):
        sent, refused, asking = asked(
            ("POST", MESSAGES, "a", {"headers": {"origin": origin}}),
            ("POST", MESSAGES, "", {"headers": {"origin": origin}}),
            ("OPTIONS", MESSAGES, None, {"headers": {"origin": origin, "access-control-request-method": "POST"}}),
            token=made_token("newbox"),
        )  # fmt: skip
    wanted = origin if allowed else None
    assert [told.headers.get("access-control-allow-origin") for told in (sent, refused, asking)] == [wanted] * 3
    assert sent.headers["vary"] == "origin"
    assert (asking.status == 204) is allowed
    if allowed:
        assert "POST" in asking.headers["access-control-allow-methods"]
        assert "idempotency-key" in asking.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in asking.headers


# Trouble


def test_a_fault_of_ours_is_in_the_log_and_not_in_the_answer(
    newbox: RoomView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret reason")

    monkeypatch.setattr(Writer, "post", fail)
    with caplog.at_level(logging.ERROR):
        token = made_token("newbox")
        (told,) = asked(("POST", MESSAGES, "a"), token=token)
    assert (told.status, told.json["code"]) == (500, "error")
    assert b"secret reason" not in told.body
    assert "POST rooms/{room}/messages failed" in caplog.text
    assert token not in caplog.text


def test_what_fails_for_now_says_when_to_come_again(newbox: RoomView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "post", lambda self, post, done: done(Unavailable("the database is locked", "at /x")))
    (told,) = asked(("POST", MESSAGES, "a"), token=made_token("newbox"))
    assert (told.status, told.json["code"], told.headers["retry-after"]) == (503, "unavailable", "1")
    assert b"/x" not in told.body


def test_nobody_without_a_token_is_asked_for_anything_else(newbox: RoomView) -> None:
    """Who has no token hears that first, whatever else is wrong."""
    operations = [operation for operation in OPERATIONS if operation.needs is not None]
    answers = asked(*((operation.method, operation.path, "{", {"query": "nonsense=1"}) for operation in operations))
    assert [(told.status, told.json["code"]) for told in answers] == [(401, "not_signed_in")] * len(operations)


def test_an_authorization_that_is_none_is_401(newbox: RoomView) -> None:
    values = ["", "Bearer", "Bearer \xff", "Basic ==", "Basic " + "A" * 9000, "Negotiate x", "Bearer rl_" + "a" * 9000]
    answers = asked(*(("POST", MESSAGES, "a", {"headers": {"authorization": value}}) for value in values))
    assert [(told.status, told.json["code"]) for told in answers] == [(401, "not_signed_in")] * len(values)


def test_a_room_that_is_missing_is_told_with_a_remedy_that_who_asks_has(newbox: RoomView) -> None:
    request = ("POST", "rooms/zebra/messages", "hello")
    (guest,), (local,) = asked(request, token=made_token("*")), asked(request, local=True)
    assert (guest.status, local.status) == (404, 404)
    assert guest.json["detail"] == "no room zebra for this token: look at its name, or ask who made the token"
    assert local.json["detail"] == "no room zebra; create it: python manage.py create_room -- zebra"


def test_no_error_repeats_the_secret_of_an_address(newbox: RoomView) -> None:
    secret = made_hook("newbox")
    told = asked(
        ("POST", f"hooks/{secret}/", "{}"), ("GET", f"rooms/{secret}", None),
        ("GET", f"rooms/newbox/messages/{secret}", None),
        token=made_token("newbox"),
    )  # fmt: skip
    assert [one.status for one in told] == [404, 404, 404]
    for one in told:
        assert secret[:15] in one.json["detail"]
        assert secret[20:] not in one.json["detail"]


def test_who_sends_a_body_slowly_needs_a_token_that_holds_at_its_end(
    newbox: RoomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_QUICK_BODY_S", 0.0)
    monkeypatch.setattr(credentials, "_KEPT_FOR", 0.0)
    text = made_token("newbox", name="slow")

    class Slow(Program):
        async def _told(self, scope: dict[str, Any], content: bytes, gone: asyncio.Event) -> Told:
            told = Told()

            async def receive() -> dict[str, Any]:
                await elsewhere(revoke_token, "slow")
                return {"type": "http.request", "body": content}

            async def send(message: dict[str, Any]) -> None:
                told.status = message.get("status", told.status)
                told.body += message.get("body", b"")

            await self.app(scope, receive, send)
            return told

    async def scenario() -> Told:
        async with served() as app:
            return await Slow(app, text).ask("POST", "rooms/newbox/messages", "late")

    told = asyncio.run(scenario())
    assert told.status == 401
    assert b"revoked" in told.body
    assert not Message.objects.exists()
