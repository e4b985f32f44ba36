"""Keys: a repeat is stored once, whoever else uses the same key."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import (
    ChatError,
    KeyReused,
)
from chatcore.history import RoomView
from chatcore.models import Message
from chatcore.services import Post, Posted
from tests.integration.writing import Rung, posted, refusal

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_repeat_returns_the_first_message(newbox: RoomView, people: dict[str, Actor]) -> None:
    post = Post("newbox", "once", people["alice"], key="k", source="web")
    (first,) = services.post_messages([post])
    rung = Rung()
    (again,) = services.post_messages([post], announce=rung)
    assert isinstance(again, Posted)
    assert again.duplicate
    assert again.message == posted(first)
    assert rung.calls == 0
    assert Message.objects.count() == 1


def test_a_repeat_after_an_edit_returns_the_message_as_it_is_now(newbox: RoomView) -> None:
    post = Post("newbox", "once", key="k")
    services.post_messages([post])
    services.edit_message("newbox", 1, "changed", SYSTEM)
    (again,) = services.post_messages([post])
    assert isinstance(again, Posted)
    assert (again.duplicate, again.message.message) == (True, "changed")


@pytest.mark.parametrize(
    "fields", [{"text": "other"}, {"title": "t"}, {"priority": 4}, {"tags": ("t",)}, {"kind": "notice"}]
)
def test_a_key_with_other_content_is_refused_and_names_the_message(newbox: RoomView, fields: dict[str, object]) -> None:
    services.post_messages([Post("newbox", "before"), Post("newbox", "once", key="k")])
    error = refusal(Post(**({"room": "newbox", "text": "once", "key": "k"} | fields)))  # type: ignore[arg-type]
    assert isinstance(error, KeyReused)
    assert (error.key, error.seq) == ("k", 2)


def test_a_key_is_of_one_room_and_one_author(newbox: RoomView, people: dict[str, Actor]) -> None:
    services.create_room("ops")
    posts = [
        Post("newbox", "x", people["alice"], key="k"), Post("newbox", "y", people["bob"], key="k"),
        Post("ops", "z", people["alice"], key="k"), Post("newbox", "cli", key="k", key_scope="cli"),
        Post("newbox", "code", key="k"),
    ]  # fmt: skip
    results = services.post_messages(posts)
    assert [isinstance(result, Posted) and not result.duplicate for result in results] == [True] * 5
    assert Message.objects.count() == 5


def test_a_repeat_within_one_batch_is_stored_once(newbox: RoomView) -> None:
    batch = [
        Post("newbox", "a", key="k"),
        Post("newbox", "b"),
        Post("newbox", "a", key="k"),
        Post("newbox", "c", key="k"),
    ]
    results = services.post_messages(batch)
    assert [type(result) for result in results] == [Posted, Posted, Posted, KeyReused]
    third = results[2]
    assert isinstance(third, Posted)
    assert third.duplicate
    assert third.message == posted(results[0])
    assert history.room_named("newbox").last_seq == 2


def test_the_same_key_from_many_threads_is_one_message(newbox: RoomView) -> None:
    def repeat(_: int) -> Posted | ChatError:
        try:
            return services.post_messages([Post("newbox", "once", key="k")])[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(repeat, range(24)))
    assert [isinstance(result, Posted) and result.duplicate for result in results].count(False) == 1
    assert {posted(result).seq for result in results} == {1}


def test_only_a_page_s_own_key_is_shown_as_its_client_id(newbox: RoomView, people: dict[str, Actor]) -> None:
    results = services.post_messages(
        [
            Post("newbox", "page", people["alice"], source="web", key="c-1"),
            Post("newbox", "command", key="secret", key_scope="cli", source="cli"),
            Post("newbox", "code", people["alice"], key="secret-2"),
        ]
    )
    assert [posted(result).client_id for result in results] == ["c-1", None, None]
    assert [message.client_id for message in history.messages_after(newbox.id, 0, 3)] == ["c-1", None, None]
