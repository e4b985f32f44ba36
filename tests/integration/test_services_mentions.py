"""Whom a message mentions: accounts, by their names, as the text stands."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatcore import events, history, services
from chatcore.actors import SYSTEM
from chatcore.history import RoomView
from chatcore.services import Post
from tests.integration.writing import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _accounts() -> None:
    for name in ("alice", "bob", "Carol", "d.e+f", "mail@example.org"):
        User.objects.create_user(name)


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@alice look", ["alice"]),
        ("(@alice), @bob: and @alice!", ["alice", "bob"]),
        ("thanks @bob.", ["bob"]),
        ("@Alice @ALICE", ["alice"]),
        ("@Carol", ["Carol"]),
        ("@carol", []),  # nobody is called so
        ("@d.e+f and @mail@example.org", ["d.e+f", "mail@example.org"]),
        ("write to me@alice or x.@alice", []),
        ("@nobody @ @@ @\u202ealice", []),
        ("no name at all", []),
        ("@" * 4000, []),
    ],
)
def test_a_name_after_an_at_sign_mentions_its_account(newbox: RoomView, text: str, mentioned: list[str]) -> None:
    [message] = say("newbox", text)
    assert message.mentions == mentioned
    assert history.message(newbox.id, "newbox", 1).mentions == mentioned


def test_at_most_twenty_names_count(newbox: RoomView) -> None:
    User.objects.bulk_create(User(username=f"user{number}") for number in range(30))
    [message] = say("newbox", " ".join(f"@user{number}" for number in range(30)))
    assert message.mentions == [f"user{number}" for number in range(20)]


def test_an_edit_mentions_whom_its_text_mentions(newbox: RoomView) -> None:
    say("newbox", "@alice")
    assert services.edit_message("newbox", 1, "@bob", SYSTEM).mentions == ["bob"]
    assert history.message(newbox.id, "newbox", 1).mentions == ["bob"]
    assert services.delete_message("newbox", 1, SYSTEM).mentions == []


def test_a_slot_s_message_mentions_whom_its_new_text_mentions(newbox: RoomView) -> None:
    def outcome(text: str) -> tuple[str, list[str]]:
        (result,) = services.post_messages([Post("newbox", text, slot="duty")])
        assert not isinstance(result, Exception)
        return result.outcome, result.message.mentions

    assert outcome("@alice is on duty") == ("sent", ["alice"])
    assert outcome("@alice is on duty") == ("duplicate", ["alice"])
    assert outcome("@bob is on duty") == ("edited", ["bob"])


def test_names_cost_one_query_a_batch_and_none_without_an_at_sign(newbox: RoomView) -> None:
    def queries(*texts: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            say("newbox", *texts)
        return len(captured)

    queries("warm up")
    plain = queries("a", "b", "c")
    assert queries("@alice", "@bob", "c") == plain + 1


def test_the_event_has_them_too(newbox: RoomView) -> None:
    say("newbox", "@alice")
    [payload] = history.events_after(newbox.id, 0, 10).payloads
    assert events.decode_event(payload).mentions == ["alice"]
