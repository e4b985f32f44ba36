"""Several messages together, edits, deletions, banners and hooks, over HTTP."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from chatcore import services
from chatcore.history import RoomView
from chatcore.models import Message, Scheduled
from chatcore.services import Post
from chatcore.services.tokens import revoke_token
from tests.integration.api import asked, made_hook, made_token

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES = "rooms/newbox/messages"


def texts(room: str = "newbox") -> list[str]:
    """What is in the room."""
    return list(Message.objects.filter(room__name=room).order_by("seq").values_list("text", flat=True))


def together(*messages: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """A request that posts these."""
    return "POST", "messages", {"messages": list(messages)}


# Together


def test_several_messages_are_stored_together_in_their_order(newbox: RoomView) -> None:
    services.create_room("ops")
    told, again = asked(
        together({"room": "newbox", "message": "a"}, {"room": "OPS", "message": "b", "key": "k"},
                 {"room": "newbox", "message": "c", "kind": "notice", "username": "bot"}),
        together({"room": "ops", "message": "b", "key": "k"}, {"room": "newbox", "message": "d"}),
        token=made_token("*"),
    )  # fmt: skip
    assert told.status == 201
    places = [(one["status"], one["message"]["room"], one["message"]["seq"]) for one in told.json["answers"]]
    assert places == [("sent", "newbox", 1), ("sent", "ops", 1), ("sent", "newbox", 2)]
    assert [one["status"] for one in again.json["answers"]] == ["duplicate", "sent"]
    assert (texts(), texts("ops")) == (["a", "c", "d"], ["b"])


#: A message that is refused, the status of the answer and its code.
BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"room": "nowhere", "message": "b"}, 404, "not_found"), ({"room": "newbox", "message": " "}, 400, "empty"),
    ({"room": "newbox", "message": "x" * 4001}, 413, "too_long"),
    ({"room": "ops", "message": "b"}, 404, "not_found"),
    ({"room": "newbox", "message": "b", "as": "alice"}, 400, "bad_field"),
    ({"room": "newbox", "message": "b", "at": "2090-01-01T00:00:00Z"}, 400, "bad_field"),
]  # fmt: skip


@pytest.mark.parametrize("query", ["", "dry_run=true"])
def test_one_that_is_refused_refuses_all_and_is_named(newbox: RoomView, query: str) -> None:
    services.create_room("ops")
    good = {"room": "newbox", "message": "a"}
    requests = [(*together(good, bad), {"query": query}) for bad, _, _ in BAD]
    answers = asked(*requests, token=made_token("newbox"))
    assert [(bad, one.status, one.json["code"]) for (bad, _, _), one in zip(BAD, answers, strict=True)] == BAD
    assert {one.json["index"] for one in answers} == {1}
    assert (texts(), texts("ops")) == ([], [])


def test_several_messages_count_one_by_one(newbox: RoomView) -> None:
    one = {"room": "newbox", "message": "a"}
    with override_settings(CHAT_RATE="1/h burst 5"):
        first, second = asked(together(*[one] * 4), together(*[one] * 4), token=made_token("newbox"))
    assert (first.status, second.status, len(texts())) == (201, 429, 4)


def test_several_messages_may_be_tried_and_may_be_for_later(newbox: RoomView) -> None:
    at = (timezone.now() + timedelta(hours=1)).isoformat()
    request = together({"room": "newbox", "message": "a"}, {"room": "newbox", "message": "b"})
    later = together({"room": "newbox", "message": "a", "at": at}, {"room": "newbox", "message": "b", "at": at})
    bad = together({"room": "newbox", "message": "a", "at": at}, {"room": "x", "message": "b", "at": at})
    dry, kept, refused = asked((*request, {"query": "dry_run=true"}), later, bad, token=made_token("newbox"))
    assert (dry.status, [one["status"] for one in dry.json["answers"]]) == (200, ["dry-run"] * 2)
    assert (kept.status, [one["status"] for one in kept.json["answers"]]) == (202, ["scheduled"] * 2)
    assert (refused.status, refused.json["index"], Scheduled.objects.count(), texts()) == (404, 1, 2, [])


def test_a_program_of_this_machine_may_make_the_rooms() -> None:
    request = together({"room": "a", "message": "1"}, {"room": "b", "message": "2"})
    refused, made = asked(request, (*request, {"query": "create=true"}), local=True)
    assert (refused.status, made.status, texts("a"), texts("b")) == (404, 201, ["1"], ["2"])


# Edits and deletions


def test_a_token_edits_and_deletes_its_own_messages(newbox: RoomView) -> None:
    edit = {"message": "b", "title": "t", "tags": ["x"]}
    _, edited, kept, deleted, twice = asked(
        ("POST", MESSAGES, {"message": "a", "priority": 4}), ("PATCH", f"{MESSAGES}/1", edit),
        ("PATCH", f"{MESSAGES}/1", {"message": "c", "title": None}), ("DELETE", f"{MESSAGES}/1", None),
        ("DELETE", f"{MESSAGES}/1", None), token=made_token("newbox", can=("send",)),
    )  # fmt: skip
    assert (edited.status, edited.json["status"], edited.json["message"]["type"]) == (200, "edited", "edit")
    assert {name: edited.json["message"][name] for name in edit} == edit
    assert kept.json["message"]["priority"] == 4
    assert (kept.json["message"]["title"], kept.json["message"]["tags"]) == (None, ["x"])
    assert (deleted.status, deleted.json["status"], deleted.json["message"]["deleted"]) == (200, "deleted", True)
    assert (twice.status, texts()) == (403, [""])


def test_a_token_changes_nobody_elses_messages(newbox: RoomView) -> None:
    services.create_room("secret", private=True)
    services.post_messages([Post("newbox", "a"), Post("secret", "s")])
    asked(("POST", MESSAGES, "b"), token=made_token("newbox", name="other"))
    told = asked(
        *(("PATCH", f"{MESSAGES}/{seq}", {"message": "x"}) for seq in (1, 2, 3)),
        *(("DELETE", f"{MESSAGES}/{seq}", None) for seq in (1, 2, 3, "x")),
        ("PATCH", "rooms/secret/messages/1", {"message": "x"}), ("DELETE", "rooms/secret/messages/1", None),
        token=made_token("*"),
    )  # fmt: skip
    assert [one.status for one in told] == [403, 403, 404, 403, 403, 404, 404, 404, 404]
    assert (texts(), texts("secret")) == (["a", "b"], ["s"])


def test_a_change_may_be_tried(newbox: RoomView) -> None:
    dry = {"query": "dry_run=true"}
    _, edit, delete, empty, gone = asked(
        ("POST", MESSAGES, "a"), ("PATCH", f"{MESSAGES}/1", {"message": "b"}, dry),
        ("DELETE", f"{MESSAGES}/1", None, dry),
        ("PATCH", f"{MESSAGES}/1", {"message": " "}, dry), ("DELETE", f"{MESSAGES}/2", None, dry),
        token=made_token("newbox", can=("send",)),
    )  # fmt: skip
    assert [(one.status, one.json.get("status")) for one in (edit, delete)] == [(200, "dry-run")] * 2
    assert (empty.status, gone.status, texts()) == (400, 404, ["a"])


#: The body of an edit that is refused, and the code.
BAD_EDITS: list[tuple[dict[str, Any], str]] = [
    ({"message": "a", "priority": 0}, "bad_field"), ({"message": "a", "slot": "x"}, "bad_field"), ({}, "bad_field"),
    ({"message": "a", "tags": None}, "bad_field"), ({"message": "a", "url": "ftp://x"}, "bad_field"),
    ({"message": ""}, "empty"), ({"message": "a", "format": None}, "bad_field"),
]  # fmt: skip


def test_an_edit_that_cannot_be_is_refused(newbox: RoomView) -> None:
    edits = [("PATCH", f"{MESSAGES}/1", body) for body, _ in BAD_EDITS]
    _, *answers = asked(("POST", MESSAGES, "a"), *edits, token=made_token("newbox"))
    assert [(body, one.json["code"]) for (body, _), one in zip(BAD_EDITS, answers, strict=True)] == BAD_EDITS
    assert ({one.status for one in answers}, texts()) == ({400}, ["a"])


def test_a_program_of_this_machine_changes_messages_as_chat_send_does(newbox: RoomView) -> None:
    User.objects.create_user("alice")
    _, _, own, others, elses, denied = asked(
        ("POST", MESSAGES, "a"), ("POST", MESSAGES, {"message": "b", "as": "alice"}),
        ("PATCH", f"{MESSAGES}/1", {"message": "c"}), ("PATCH", f"{MESSAGES}/2", {"message": "d"}),
        ("PATCH", f"{MESSAGES}/2", {"message": "e"}, {"query": "as=alice"}),
        ("DELETE", f"{MESSAGES}/1", None, {"query": "as=alice"}), local=True,
    )  # fmt: skip
    assert [one.status for one in (own, others, elses, denied)] == [200, 403, 200, 403]
    assert texts() == ["c", "e"]


def test_a_token_cannot_act_as_somebody(newbox: RoomView) -> None:
    User.objects.create_user("alice")
    _, told = asked(
        ("POST", MESSAGES, "a"), ("DELETE", f"{MESSAGES}/1", None, {"query": "as=alice"}), token=made_token("*")
    )
    assert (told.status, texts()) == (403, ["a"])


def test_a_banner_is_taken_away_by_who_put_it_up(newbox: RoomView) -> None:
    banner = {"message": "down at 18:00", "kind": "banner"}
    _, cleared, none = asked(
        ("POST", MESSAGES, banner), ("DELETE", "rooms/newbox/banner", None), ("DELETE", "rooms/newbox/banner", None),
        token=made_token("newbox"),
    )  # fmt: skip
    assert [one["status"] for one in cleared.json["answers"]] == ["deleted"]
    assert (none.status, none.json["answers"]) == (200, [])
    services.post_messages([Post("newbox", "b", kind="banner")])
    (refused,) = asked(("DELETE", "rooms/newbox/banner", None), token=made_token("newbox", name="other"))
    assert refused.status == 403
    (cleared,) = asked(("DELETE", "rooms/newbox/banner", None), local=True)
    assert len(cleared.json["answers"]) == 1


# Hooks


def test_a_hook_posts_what_slacks_clients_send(newbox: RoomView) -> None:
    secret = made_hook("newbox")
    form = "payload=" + quote('{"text": "c", "channel": "#x"}')
    told = asked(
        ("POST", f"hooks/{secret}", {"text": "a", "icon_emoji": ":ghost:"}),
        ("POST", f"hooks/{secret}", {"text": "b", "username": "Grafana"}),
        ("POST", f"hooks/{secret}", form, {"media": "application/x-www-form-urlencoded"}),
    )  # fmt: skip
    assert [(one.status, one.body, one.headers["content-type"]) for one in told] == [
        (200, b"ok", "text/plain; charset=utf-8")
    ] * 3
    stored = Message.objects.order_by("seq").values_list("text", "username", "author_type", "author_name", "source")
    assert list(stored) == [
        ("a", "grafana", "token", "grafana", "http"), ("b", "Grafana", "token", "grafana", "http"),
        ("c", "grafana", "token", "grafana", "http"),
    ]  # fmt: skip


def test_only_a_hook_that_holds_posts(newbox: RoomView) -> None:
    secret, token = made_hook("newbox"), made_token("newbox")
    wrong = asked(*(("POST", f"hooks/{text}", {"text": "a"}) for text in ("", "x", secret[:-4] + "AAAA", token)))
    assert [told.status for told in wrong] == [401] * 4
    (unread,) = asked(("POST", "hooks/x", "no hook's body"))
    assert unread.status == 401
    revoke_token("grafana")
    (revoked,) = asked(("POST", f"hooks/{secret}", {"text": "a"}))
    assert (revoked.status, texts()) == (401, [])
    assert all(secret not in told.body.decode() for told in (*wrong, revoked))


#: What a hook is sent, its type, and the status of the answer.
BAD_HOOKS: list[tuple[Any, str | None, int]] = [
    ("", "application/json", 400), ({"text": ""}, None, 400), ({"attachments": []}, None, 400),
    ({"text": 1}, None, 400), ("hello", None, 415), ("hello", "text/plain", 415),
    ("text=a", "application/x-www-form-urlencoded", 400), ({"text": "a" * 4001}, None, 413),
    ({"text": "a", "username": "x" * 151}, None, 413), ('{"text":"a","text":"b"}', "application/json", 400),
]  # fmt: skip


def test_what_a_hook_cannot_post_is_refused(newbox: RoomView) -> None:
    secret = made_hook("newbox")
    answers = asked(*(("POST", f"hooks/{secret}", body, {"media": media}) for body, media, _ in BAD_HOOKS))
    told = [(body, media, one.status) for (body, media, _), one in zip(BAD_HOOKS, answers, strict=True)]
    assert told == BAD_HOOKS
    assert ({one.json["type"] for one in answers}, texts()) == ({"error"}, [])


def test_a_hook_keeps_its_rate_and_reads_nothing(newbox: RoomView) -> None:
    secret = made_hook("newbox")
    with override_settings(CHAT_RATE="1/h"):
        one, two = asked(*[("POST", f"hooks/{secret}", {"text": "a"})] * 2)
    assert (one.status, two.status) == (200, 429)
    (read,) = asked(("GET", "rooms", None), token=secret)
    assert read.status == 401
