"""`POST rooms/{room}/messages` and `DELETE scheduled/{id}`: what is stored, what is answered, what is refused."""

import asyncio
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import Actor
from chatcore.history import RoomView
from chatcore.models import Message, Scheduled, Token
from chatcore.services import Post
from chatcore.services.tokens import revoke_token
from tests.integration.api import Program, asked, made_hook, made_token, served
from tests.integration.sockets import elsewhere
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES = "rooms/newbox/messages"


def texts(room: str = "newbox") -> list[str]:
    """What is in the room."""
    return list(Message.objects.filter(room__name=room).order_by("seq").values_list("text", flat=True))


def test_a_text_is_posted_in_the_tokens_name(newbox: RoomView) -> None:
    (told,) = asked(("POST", MESSAGES, "hello\n"), token=made_token("newbox"))
    assert told.status == 201
    message = told.json["message"]
    assert (message["message"], message["seq"], message["source"], message["username"]) == ("hello", 1, "http", "ci")
    assert (message["author"]["type"], message["author"]["name"]) == ("token", "ci")
    assert {name: told.json[name] for name in ("status", "live", "delivered", "seen")} == {
        "status": "sent", "live": "pushed", "delivered": None, "seen": None,
    }  # fmt: skip
    assert (told.headers["cache-control"], told.headers["content-type"]) == ("no-store", "application/json")
    assert texts() == ["hello"]


def test_json_says_more_of_a_message(newbox: RoomView) -> None:
    given: dict[str, Any] = {
        "message": "disk full", "kind": "announcement", "title": "Disk", "priority": 5, "tags": ["disk", "web1"],
        "format": "code", "url": "https://example.org/disk", "username": "web1", "slot": "disk", "expires_in": 3600,
    }  # fmt: skip
    told, again = asked(
        ("POST", "rooms/NewBox/messages", given), ("POST", MESSAGES, {"message": "b", "reply_to": 1, "kind": "banner"}),
        token=made_token("newbox"),
    )  # fmt: skip
    message = told.json["message"]
    kept = {name: value for name, value in given.items() if name not in ("expires_in",)}
    assert {name: message[name] for name in kept} == kept
    assert (message["author"]["name"], message["room"]) == ("ci", "newbox")
    lasts = datetime.fromisoformat(message["expires_at"]) - datetime.fromisoformat(message["created_at"])
    assert lasts == timedelta(hours=1)
    assert (again.json["message"]["reply_to"], again.json["message"]["kind"]) == (1, "banner")


def test_a_key_stores_once_within_its_token(newbox: RoomView) -> None:
    first, second = made_token("newbox"), made_token("newbox", name="other")
    keyed = {"headers": {"Idempotency-Key": "k1"}}
    one, same, other = asked(
        ("POST", MESSAGES, "a", keyed), ("POST", MESSAGES, "a", keyed), ("POST", MESSAGES, "b", keyed), token=first
    )
    assert [told.status for told in (one, same, other)] == [201, 200, 409]
    assert (same.json["status"], same.json["message"]["seq"]) == ("duplicate", 1)
    assert other.json["code"] == "key_reused"
    (elses,) = asked(("POST", MESSAGES, "a", keyed), token=second)
    assert (elses.status, texts()) == (201, ["a", "a"])


def test_once_and_slot_hold_back_what_is_the_same(newbox: RoomView) -> None:
    token, other = made_token("newbox"), made_token("newbox", name="other")
    told = asked(
        ("POST", MESSAGES, {"message": "a", "once": 3600}), ("POST", MESSAGES, {"message": "a", "once": 3600}),
        ("POST", MESSAGES, {"message": "1 %", "slot": "load"}), ("POST", MESSAGES, {"message": "2 %", "slot": "load"}),
        token=token,
    )  # fmt: skip
    assert [(one.status, one.json["status"]) for one in told] == [
        (201, "sent"), (200, "suppressed"), (201, "sent"), (200, "edited"),
    ]  # fmt: skip
    (elses,) = asked(("POST", MESSAGES, {"message": "3 %", "slot": "load"}), token=other)
    assert (elses.json["status"], texts()) == ("sent", ["a", "2 %", "3 %"])


def test_a_dry_run_checks_and_stores_nothing(newbox: RoomView) -> None:
    good, empty, unknown = asked(
        ("POST", MESSAGES, "a", {"query": "dry_run=true"}), ("POST", MESSAGES, " ", {"query": "dry_run=true"}),
        ("POST", "rooms/nowhere/messages", "a", {"query": "dry_run=1"}), token=made_token("newbox"),
    )  # fmt: skip
    assert (good.status, good.json["status"], good.json["message"]["seq"]) == (200, "dry-run", 0)
    assert (empty.status, empty.json["code"]) == (400, "empty")
    assert (unknown.status, texts()) == (404, [])


# Who may not


def test_what_a_token_may_not_write_is_refused_with_the_reason(newbox: RoomView) -> None:
    for name, options in (("ops", {}), ("secret", {"private": True}), ("old", {})):
        services.create_room(name, **options)  # type: ignore[arg-type]
    services.archive_room("old", Actor("system", "", "system", "system"))
    rooms = ("ops", "secret", "old", "nowhere", "newbox")
    sends = asked(*(("POST", f"rooms/{room}/messages", "a") for room in rooms), token=made_token("newbox", "old"))
    assert [(told.status, told.json["code"]) for told in sends[:4]] == [
        (404, "not_found"), (404, "not_found"), (403, "archived"), (404, "not_found"),
    ]  # fmt: skip
    assert sends[4].status == 201
    assert "secret" not in sends[3].body.decode()
    (reads,) = asked(("POST", MESSAGES, "a"), token=made_token("newbox", name="reader", can=("read",)))
    assert (reads.status, reads.json["code"]) == (403, "forbidden")
    assert texts() == ["a"]


def test_who_brings_no_token_that_holds_is_not_let_in(newbox: RoomView) -> None:
    live, revoked = made_token("newbox"), made_token("newbox", name="revoked")
    expired = made_token("newbox", name="expired")
    revoke_token("revoked")
    Token.objects.filter(name="expired").update(expires_at=timezone.now())
    for token in (None, "x", live[:-1] + "~", live[:-4] + "AAAA", revoked, expired, made_hook("newbox")):
        (told,) = asked(("POST", MESSAGES, "a"), token=token)
        assert (told.status, told.headers["www-authenticate"], told.json["code"]) == (401, "Bearer", "not_signed_in")
        assert token is None or token not in told.body.decode()
    assert texts() == []


def test_basic_takes_the_token_as_password(newbox: RoomView) -> None:
    basic = "Basic " + b64encode(f"anybody:{made_token('newbox')}".encode()).decode()
    (told,) = asked(("POST", MESSAGES, "a", {"headers": {"authorization": basic}}))
    assert told.status == 201


def test_what_only_the_servers_own_socket_may_is_refused_to_tokens(newbox: RoomView) -> None:
    User.objects.create_user("alice")
    told = asked(
        ("POST", MESSAGES, {"message": "a", "as": "alice"}), ("POST", MESSAGES, {"message": "a", "as": "nobody"}),
        ("POST", "rooms/new/messages", "a", {"query": "create=true"}), token=made_token("*"),
    )  # fmt: skip
    assert [(one.status, one.json["code"]) for one in told] == [(403, "forbidden")] * 3
    assert history.room_names() == ["newbox"]


def test_too_much_is_refused_with_the_time_to_wait(newbox: RoomView) -> None:
    slow, usual = made_token("newbox", rate="1/h burst 2"), made_token("newbox", name="usual")
    with override_settings(CHAT_RATE="1/h"):
        one, two, three = asked(*[("POST", MESSAGES, "a")] * 3, token=slow)
        first, second = asked(*[("POST", MESSAGES, "a")] * 2, token=usual)
    assert [told.status for told in (one, two, three, first, second)] == [201, 201, 429, 201, 429]
    assert (three.json["code"], 0 < three.json["retry_after"] <= 3600) == ("rate", True)
    assert 0 < int(three.headers["retry-after"]) <= 3600


#: What is sent, the status of the answer and its code.
BAD: list[tuple[Any, int, str]] = [
    ("", 400, "empty"), ("x" * 4001, 413, "too_long"), ("a\0b", 400, "bad_text"),
    ({"message": "a", "title": "x" * 201}, 413, "too_long"),
    ({"message": "a", "url": "javascript:1"}, 400, "bad_field"),
    ({"message": "a", "reply_to": 7}, 404, "not_found"), ({"message": "a", "tags": ["x"] * 21}, 400, "bad_field"),
    ({"message": "a", "expires_at": "2020-01-01T00:00:00Z"}, 400, "bad_field"),
    ({"message": "a", "expires_at": "0001-01-01T00:00:00+23:00"}, 400, "bad_field"),
    ({"message": "a", "at": "0001-01-01T00:00:00+23:00"}, 400, "bad_field"),
    ({"message": "a", "at": "2020-01-01T00:00:00Z"}, 400, "bad_field"),
    ({"message": "a", "expires_at": "2090-01-01T00:00:00Z", "expires_in": 5}, 400, "bad_field"),
    ({"message": "a", "username": ""}, 400, "empty"), ({"message": "a", "username": "x" * 151}, 413, "too_long"),
    ({"message": "a", "slot": ""}, 400, "empty"), ({"message": "\x00"}, 400, "bad_text"), ("[]", 400, "bad_field"),
]  # fmt: skip


def test_a_message_that_cannot_be_stored_is_refused(newbox: RoomView) -> None:
    media = {"media": "application/json"}
    requests = [("POST", MESSAGES, body, media if isinstance(body, dict) or body == "[]" else {}) for body, _, _ in BAD]
    answers = asked(*requests, token=made_token("newbox"))
    told = [(body, one.status, one.json["code"]) for (body, _, _), one in zip(BAD, answers, strict=True)]
    assert told == BAD
    assert {one.json["type"] for one in answers} == {"error"}
    assert (texts(), Scheduled.objects.count()) == ([], 0)


def test_a_key_that_cannot_be_kept_is_refused(newbox: RoomView) -> None:
    keys = ["", "x" * 256, "a\0"]
    requests = [("POST", MESSAGES, "a", {"headers": {"idempotency-key": key}}) for key in keys]
    assert [told.status for told in asked(*requests, token=made_token("newbox"))] == [400, 413, 400]
    assert texts() == []


# Later


def test_a_message_for_later_is_kept_and_can_be_called_off_by_its_token(newbox: RoomView) -> None:
    token, other = made_token("newbox"), made_token("newbox", name="other")
    at = (timezone.now() + timedelta(hours=1)).isoformat()
    kept, again = asked(*[("POST", MESSAGES, {"message": "a", "at": at}, {"headers": {"idempotency-key": "k"}})] * 2,
                        token=token)  # fmt: skip
    assert (kept.status, kept.json["status"], again.json["status"]) == (202, "scheduled", "duplicate")
    assert (kept.json["id"], kept.json["room"]) == (again.json["id"], "newbox")
    assert datetime.fromisoformat(kept.json["at"]) == datetime.fromisoformat(at)
    (elses,) = asked(("DELETE", f"scheduled/{kept.json['id']}", None), token=other)
    assert elses.status == 404
    called_off, gone, none = asked(
        ("DELETE", f"scheduled/{kept.json['id']}", None), ("DELETE", f"scheduled/{kept.json['id']}", None),
        ("DELETE", "scheduled/x", None), token=token,
    )  # fmt: skip
    assert (called_off.status, called_off.json["status"]) == (200, "cancelled")
    assert (gone.status, none.status, Scheduled.objects.count()) == (404, 404, 0)


# By the server's own socket


def test_a_program_of_this_machine_is_the_system(newbox: RoomView) -> None:
    User.objects.create_user("alice", first_name="Alice")
    told = asked(
        ("POST", MESSAGES, "a"), ("POST", MESSAGES, {"message": "b", "username": "backup"}),
        ("POST", MESSAGES, {"message": "c", "as": "alice"}), ("POST", MESSAGES, {"message": "d", "as": "alise"}),
        ("POST", MESSAGES, {"message": "e", "as": "alice", "username": "x"}),
        ("POST", MESSAGES, {"message": "f", "as": "alice", "kind": "notice"}), local=True,
    )  # fmt: skip
    authors = [(one.json["message"]["author"]["type"], one.json["message"]["username"]) for one in told[:3]]
    assert authors == [("system", "system"), ("bot", "backup"), ("user", "Alice")]
    assert {one.json["message"]["source"] for one in told[:3]} == {"cli"}
    assert [one.status for one in told[3:]] == [404, 400, 403]


def test_a_token_counts_on_the_servers_own_socket_too(newbox: RoomView) -> None:
    told, refused = asked(
        ("POST", MESSAGES, "a"), ("POST", "rooms/x/messages", "a", {"query": "create=true"}),
        token=made_token("*"), local=True,
    )  # fmt: skip
    assert (told.json["message"]["source"], refused.status) == ("http", 403)


def test_a_program_of_this_machine_may_make_the_room() -> None:
    bad, dry, made, there = asked(
        ("POST", "rooms/new/messages", "", {"query": "create=true"}),
        ("POST", "rooms/new/messages", "a", {"query": "create=true&dry_run=true"}),
        ("POST", "rooms/new/messages", "a", {"query": "create=true"}),
        ("POST", "rooms/new/messages", "b", {"query": "create=true"}), local=True,
    )  # fmt: skip
    assert [told.status for told in (bad, dry, made, there)] == [400, 200, 201, 201]
    assert texts("new") == ["a", "b"]


def test_the_system_and_chat_send_share_their_keys(newbox: RoomView) -> None:
    keyed = Post("newbox", "a", kind="message", source="cli", key="kü", key_scope="cli")
    services.post_messages([keyed])
    sent = "kü".encode().decode("latin-1")  # the bytes that a shell gives to curl
    (told,) = asked(("POST", MESSAGES, "a", {"headers": {"idempotency-key": sent}}), local=True)
    assert (told.status, told.json["status"]) == (200, "duplicate")


# Waiting


def test_who_waits_for_the_sockets_hears_how_many_have_it(newbox: RoomView) -> None:
    pushed, never = asked(
        ("POST", MESSAGES, "a", {"query": f"wait=pushed&timeout={DEADLINE_S:.0f}"}),
        ("POST", MESSAGES, "b", {"query": "wait=seen&timeout=0"}), token=made_token("newbox"),
    )  # fmt: skip
    assert (pushed.status, pushed.json["delivered"], pushed.json["live"]) == (201, 0, "pushed")
    assert (never.status, never.json["seen"], never.json["delivered"]) == (201, 0, None)


def test_who_waits_for_readers_is_answered_when_they_have_read(newbox: RoomView) -> None:
    user, token = User.objects.create_user("alice"), made_token("newbox")

    async def scenario() -> None:
        async with served() as app:
            query = f"wait=seen:1&timeout={DEADLINE_S:.0f}"
            waiting = asyncio.create_task(Program(app, token).ask("POST", MESSAGES, "a", query=query))
            while not await elsewhere(texts):  # noqa: ASYNC110  the other end is the database
                await asyncio.sleep(0.01)
            assert not waiting.done()
            await elsewhere(services.save_read_marks, {(newbox.id, str(user.pk)): 1})
            assert (await waiting).json["seen"] == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["client", "server"])
def test_who_waits_is_let_go_when_he_leaves_or_the_server_stops(newbox: RoomView, end: str) -> None:
    token = made_token("newbox")

    async def scenario() -> None:
        gone = asyncio.Event()
        async with served() as app:
            asking = Program(app, token).ask("POST", MESSAGES, "a", query="wait=seen&timeout=60", gone=gone)
            waiting = asyncio.create_task(asking)
            while not await elsewhere(texts):  # noqa: ASYNC110  the other end is the database
                await asyncio.sleep(0.01)
            if end == "client":
                gone.set()
            else:
                await app.settle()
            async with asyncio.timeout(DEADLINE_S):
                told = await waiting
        assert told.status == (0 if end == "client" else 201)

    asyncio.run(scenario())


def test_who_waits_counts_as_a_socket(newbox: RoomView) -> None:
    with override_settings(CHAT_SOCKETS_PER_PERSON=0):
        waits, sends = asked(
            ("POST", MESSAGES, "a", {"query": "wait=seen"}), ("POST", MESSAGES, "b"), token=made_token("newbox")
        )
    assert (waits.status, waits.json["code"], sends.status) == (429, "too_many_sockets", 201)
    assert texts() == ["b"]


# At once


def test_many_posts_with_the_same_keys_are_stored_once_each(newbox: RoomView) -> None:
    token = made_token("newbox", rate="1000/s burst 1000")

    async def scenario() -> list[int]:
        async with served() as app:
            program = Program(app, token)
            asking = [
                program.ask("POST", MESSAGES, f"text {n % 10}", headers={"idempotency-key": f"k{n % 10}"})
                for n in range(200)
            ]
            return [told.status for told in await asyncio.gather(*asking)]

    statuses = asyncio.run(scenario())
    assert (statuses.count(201), statuses.count(200)) == (10, 190)
    assert sorted(texts()) == [f"text {n}" for n in range(10)]


def test_dry_runs_and_bodies_that_are_refused_cost_the_rate_too(newbox: RoomView) -> None:
    bulk: dict[str, Any] = {"messages": [{"room": "newbox", "message": "a"}] * 2}
    bad = ("POST", MESSAGES, "{", {"media": "application/json"})
    for name, twice in (
        ("dry", [("POST", f"rooms/{room}/messages", "a", {"query": "dry_run=1"}) for room in ("newbox", "nowhere")]),
        ("bulk", [("POST", "messages", bulk, {"query": "dry_run=true"})]),
        ("bad", [bad, bad]),
    ):  # fmt: skip
        told = asked(*twice, *twice, token=made_token("newbox", name=name, rate="1/h burst 2"))
        assert [one.status == 429 for one in told] == [number >= len(twice) for number in range(2 * len(twice))], name
