"""The `html` of messages: with each that is written in Markdown, wherever it is read, and with no other."""

import pytest

from chatcore import events, history, post, services
from chatcore.actors import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

HTML = "<p><strong>Deployed</strong></p>\n"


@pytest.fixture
def room_id() -> int:
    services.create_room("newbox")
    return history.room_named("newbox").id


def test_a_markdown_message_brings_its_html_when_it_is_posted_and_when_it_is_read(room_id: int) -> None:
    posted = post("newbox", "**Deployed**", format="markdown")
    assert posted.html == HTML
    [stored] = history.latest_messages(room_id, 10, 10)
    assert stored == posted
    [payload] = history.events_after(room_id, 0, 10).payloads
    assert events.decode_event(payload) == posted


@pytest.mark.parametrize("form", ["text", "code"])
def test_other_messages_have_none(room_id: int, form: str) -> None:
    post("newbox", "**not parsed**", format=form)
    [payload] = history.events_after(room_id, 0, 10).payloads
    assert b'"html"' not in payload


def test_an_edit_brings_the_html_of_the_new_text_and_a_deletion_none(room_id: int) -> None:
    post("newbox", "first", format="markdown")
    assert services.edit_message("newbox", 1, "**Deployed**", actor=SYSTEM).html == HTML
    [edited] = history.latest_messages(room_id, 10, 10)
    assert edited.html == HTML
    assert "html" not in events.to_dict(services.delete_message("newbox", 1, actor=SYSTEM))
    [deleted] = history.latest_messages(room_id, 10, 10)
    assert "html" not in events.to_dict(deleted)
