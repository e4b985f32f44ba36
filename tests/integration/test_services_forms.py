"""What may be posted: texts, attributes, rooms, people."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test.utils import override_settings

from chatcore import history, services
from chatcore.actors import Actor, bot
from chatcore.exceptions import (
    BadText,
    ChatError,
    Empty,
    Forbidden,
    RoomArchived,
    RoomNotFound,
    TooLong,
)
from chatcore.history import RoomView
from chatcore.models import Room, Sanction
from chatcore.services import Post
from tests.integration.writing import posted, refusal, say

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", Empty), ("   \n\t", Empty), ("\u2028", Empty), ("x" * 4001, TooLong), ("\U0001f389" * 4001, TooLong),
        ("a\0b", BadText), ("a\ud800b", BadText), ("\udcff", BadText),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_a_message_is_refused(newbox: RoomView, text: str, error: type[ChatError]) -> None:
    assert type(refusal(Post("newbox", text))) is error


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4000, "\U0001f389" * 4000, "a\r\nb\x1b[31m\x07\x08", "\u202egnp.exe", "z" + "\u0301" * 1000, "'); DROP",
        "{{7*7}} %s{0}$(x)", "<img src=x onerror=alert(1)>", "a\u2028b\x85c\x7f", "--help",
    ],
)  # fmt: skip
def test_any_other_text_is_kept_as_it_is(newbox: RoomView, text: str) -> None:
    say("newbox", text)
    assert history.messages_after(newbox.id, 0, 1)[0].message == text


def test_a_room_s_own_limit_counts() -> None:
    services.create_room("short", max_length=5)
    services.create_room("long", max_length=10_000)
    say("short", "12345")
    say("long", "x" * 10_000)
    error = refusal(Post("short", "123456"))
    assert str(error) == "the message has 6 characters, the limit is 5: shorten it"


@override_settings(CHAT_MAX_LENGTH=3)
def test_the_site_s_limit_counts(newbox: RoomView) -> None:
    say("newbox", "123")
    assert isinstance(refusal(Post("newbox", "1234")), TooLong)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "shout"}, "no kind shout: one of announcement, banner, message, notice"),
        ({"format": "html"}, "no format html: one of code, markdown, text"),
        ({"priority": 0}, "no priority 0: 1 (min) to 5 (max)"),
        ({"priority": 6}, "no priority 6"),
        ({"reply_to": 0}, "no message newbox #0"),
        ({"reply_to": -1}, "no message newbox #-1"),
        ({"reply_to": 2}, "no message newbox #2"),
        ({"reply_to": 2**63}, "no message newbox #9223372036854775808"),
        ({"key": ""}, "the key is empty"),
        ({"key": "k" * 256}, "the key has 256 characters, the limit is 255"),
        ({"key": "k\0"}, "the key holds a NUL"),
        ({"key": "\udcff"}, "the key is not valid Unicode"),
        ({"title": " "}, "the title is empty"),
        ({"title": "t" * 201}, "the title has 201 characters, the limit is 200"),
        ({"tags": ("ok", "\ud800")}, "a tag is not valid Unicode"),
        ({"tags": ("",)}, "a tag is empty"),
        ({"url": "https://example.org/\0"}, "the link holds a NUL"),
        ({"slot": "s" * 101}, "the slot has 101 characters, the limit is 100"),
        ({"actor": bot("")}, "the name is empty"),
        ({"actor": bot("b" * 151)}, "the name has 151 characters, the limit is 150"),
        ({"actor": bot("\udcff")}, "the name is not valid Unicode"),
        ({"expires_at": datetime(2030, 1, 1)}, "the time of expiry has no time zone"),
    ],
)
def test_an_attribute_of_the_wrong_form_is_refused_by_name(
    newbox: RoomView, fields: dict[str, object], named: str
) -> None:
    say("newbox", "first")
    assert named in str(refusal(Post("newbox", "x", **fields)))  # type: ignore[arg-type]  # checked by the test


def test_a_reply_names_an_earlier_message_of_the_same_batch_too(newbox: RoomView) -> None:
    results = services.post_messages([Post("newbox", "question"), Post("newbox", "answer", reply_to=1)])
    assert posted(results[1]).reply_to == 1
    assert history.messages_after(newbox.id, 1, 1)[0].reply_to == 1


@pytest.mark.parametrize("name", ["", "nowhere", "new\0box", "new\ud800box", "x" * 10_000, "../newbox"])
def test_a_room_that_cannot_be_is_no_room(newbox: RoomView, name: str) -> None:
    assert isinstance(refusal(Post(name, "x")), RoomNotFound)


def test_an_unknown_room_names_a_near_one(newbox: RoomView) -> None:
    assert str(refusal(Post("newbx", "x"))) == "no room newbx; did you mean newbox?"


def test_a_private_room_reads_like_an_unknown_one_to_who_is_no_member(
    newbox: RoomView, people: dict[str, Actor]
) -> None:
    services.create_room("NewBoxes", private=True, members=["alice"])
    say("NewBoxes", "hush", actor=people["alice"])
    assert str(refusal(Post("newboxes", "x", people["bob"]))) == "no room newboxes; did you mean newbox?"
    for seq in (1, 99):
        with pytest.raises(RoomNotFound, match=r"^no room newboxes; did you mean newbox\?$"):
            services.edit_message("newboxes", seq, "x", people["bob"])
        with pytest.raises(RoomNotFound, match=r"^no room newboxes; did you mean newbox\?$"):
            services.delete_message("newboxes", seq, people["bob"])


def test_roles_mutes_and_bans_of_the_database_count(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("news", announce_only=True, owner="alice", members=["bob"])
    say("news", "hear, hear", actor=people["alice"])
    assert isinstance(refusal(Post("news", "x", people["bob"])), Forbidden)
    Sanction.objects.create(user_id=people["bob"].id, user_name="bob", kind="mute")
    assert "muted" in str(refusal(Post("newbox", "x", people["bob"])))
    Sanction.objects.create(user_id=people["carol"].id, user_name="carol", kind="ban")
    assert "banned" in str(refusal(Post("newbox", "x", people["carol"])))
    Sanction.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))
    say("newbox", "back again", actor=people["bob"])
    Room.objects.filter(name="newbox").update(archived_at=datetime.now(UTC))
    assert isinstance(refusal(Post("newbox", "x")), RoomArchived)
