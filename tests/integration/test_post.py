"""`chatcore.post` and `apost`: how other code of the site speaks."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.test import override_settings

import chatcore
from chatcore import history
from chatcore.exceptions import Empty, Forbidden, KeyReused, NotSignedIn, RoomNotFound
from chatcore.history import RoomView
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice@example.org", first_name="Alice", last_name="Liddell")


def test_the_system_announces(newbox: RoomView) -> None:
    message = chatcore.post("newbox", "Order 7 shipped")
    assert (message.author.type, message.username, message.kind) == ("system", "system", "announcement")
    assert (message.seq, message.source) == (1, "code")
    assert history.messages_after(newbox.id, 0, 10) == [message]


def test_a_user_speaks_under_the_name_that_people_see(newbox: RoomView, alice: User) -> None:
    message = chatcore.post("newbox", "hello", author=alice)
    assert (message.author.type, message.author.id, message.author.name) == ("user", str(alice.pk), alice.username)
    assert (message.username, message.kind) == ("Alice Liddell", "message")


def test_a_user_without_a_name_is_the_account_up_to_the_at_sign(newbox: RoomView) -> None:
    user = User.objects.create_user("bob@example.org")
    assert chatcore.post("newbox", "hello", author=user).username == "bob"


def nickname(user: User) -> str:
    return f"  {user.username[0].upper()}.  "


@override_settings(CHAT_DISPLAY_NAME="tests.integration.test_post.nickname")
def test_the_site_may_choose_the_name_that_people_see(newbox: RoomView, alice: User) -> None:
    assert chatcore.post("newbox", "hello", author=alice).username == "A."


def test_a_bot_has_its_own_name(newbox: RoomView) -> None:
    message = chatcore.post("newbox", "build 7 is green", author="CI", kind="notice")
    assert (message.author.type, message.author.name, message.username, message.kind) == ("bot", "CI", "CI", "notice")


def test_the_rare_attributes_are_kept(newbox: RoomView) -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    say("newbox", "first")
    message = chatcore.post(
        "newbox", "*x*", title="T", priority=4, tags=["a"], format="markdown", url="https://example.org", reply_to=1,
        expires_at=until, key="k",
    )  # fmt: skip
    assert (message.title, message.priority, message.tags, message.format) == ("T", 4, ["a"], "markdown")
    assert (message.url, message.reply_to, message.expires_at, message.client_id) == (
        "https://example.org", 1, until, None,
    )  # fmt: skip
    assert history.messages_after(newbox.id, 1, 10) == [message]


def test_a_repeat_with_the_same_key_is_the_first_message(newbox: RoomView) -> None:
    first = chatcore.post("newbox", "x", key="order-7")
    assert chatcore.post("newbox", "x", key="order-7") == first
    with pytest.raises(KeyReused):
        chatcore.post("newbox", "y", key="order-7")


def test_what_is_wrong_is_raised(newbox: RoomView, alice: User) -> None:
    with pytest.raises(RoomNotFound, match="did you mean newbox"):
        chatcore.post("newbx", "x")
    with pytest.raises(Empty):
        chatcore.post("newbox", " ")
    with pytest.raises(Forbidden):
        chatcore.post("newbox", "x", author=alice, kind="banner")
    with pytest.raises(NotSignedIn):
        chatcore.post("newbox", "x", author=AnonymousUser())


def test_within_a_transaction_it_is_a_part_of_it(newbox: RoomView, alice: User) -> None:
    with transaction.atomic():
        chatcore.post("newbox", "kept")
    with suppress(Empty), transaction.atomic():
        chatcore.post("newbox", "lost")
        User.objects.filter(pk=alice.pk).delete()
        chatcore.post("newbox", "")
    assert [message.message for message in history.messages_after(newbox.id, 0, 10)] == ["kept"]
    assert User.objects.filter(pk=alice.pk).exists()


def test_asynchronous_code_posts_too(newbox: RoomView, alice: User) -> None:
    async def both() -> list[str]:
        messages = await asyncio.gather(
            chatcore.apost("newbox", "hello", author=alice), chatcore.apost("newbox", "build", author="CI")
        )
        return [message.username for message in messages]

    assert asyncio.run(both()) == ["Alice Liddell", "CI"]
    assert [message.seq for message in history.messages_after(newbox.id, 0, 10)] == [1, 2]


def test_the_package_offers_nothing_else() -> None:
    assert sorted(chatcore.__all__) == ["apost", "post"]
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = chatcore.nonsense
