"""`chat_send` with a database."""

import json

import pytest
from django.contrib.auth import get_user_model
from pytest_django.fixtures import Settings

from chatcore import services
from tests.integration.sending import Pipe, refused, sent, stored
from tests.unit.hostile import HOSTILE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _newbox(db: None) -> None:
    services.create_room("newbox")


def test_a_text_is_stored_and_its_number_printed() -> None:
    assert sent("newbox", "hello") == "newbox #1\n"
    assert sent("NEWBOX", "hello", "world") == "newbox #2\n"
    assert [message.message for message in stored()] == ["hello", "hello world"]


def test_without_an_author_it_is_an_announcement_of_the_system() -> None:
    sent("newbox", "hello")
    (message,) = stored()
    assert (message.kind, message.username, message.author.type, message.source) == (
        "announcement", "system", "system", "cli",
    )  # fmt: skip


def test_as_a_user_it_is_a_message_with_that_users_rights() -> None:
    get_user_model().objects.create_user("alice", first_name="Alice", last_name="Liddell")
    sent("newbox", "--as", "alice", "hello")
    (message,) = stored()
    assert (message.kind, message.username, message.author.type, message.author.name) == (
        "message", "Alice Liddell", "user", "alice",
    )  # fmt: skip
    assert refused("newbox", "--as", "alice", "--kind", "announcement", "x").returncode == 4
    services.create_room("secret", private=True)
    assert refused("secret", "--as", "alice", "x").returncode == 3


def test_an_unknown_user_is_an_error_that_names_a_near_match() -> None:
    get_user_model().objects.create_user("alice")
    error = refused("newbox", "--as", "alcie", "x")
    assert (error.returncode, "alice" in str(error)) == (3, True)


def test_a_bot_has_a_name_and_announces() -> None:
    sent("newbox", "--name", "deploy", "done")
    (message,) = stored()
    assert (message.kind, message.username, message.author.type) == ("announcement", "deploy", "bot")


@pytest.mark.parametrize("kind", ["message", "announcement", "notice"])
def test_the_kind_may_be_given(kind: str) -> None:
    sent("newbox", "--kind", kind, "x")
    assert stored()[0].kind == kind


def test_an_unknown_room_is_an_error_that_names_a_near_match() -> None:
    error = refused("newbx", "x")
    assert (error.returncode, "newbox" in str(error)) == (3, True)


def test_a_private_room_is_never_a_near_match_for_a_stranger() -> None:
    get_user_model().objects.create_user("alice")
    services.create_room("secret", private=True)
    assert "did you mean" not in str(refused("secrets", "--as", "alice", "x"))


def test_a_missing_room_may_be_created_by_the_way() -> None:
    assert sent("fresh", "--create", "hello") == "fresh #1\n"
    assert sent("fresh", "--create", "hello") == "fresh #2\n"
    assert refused("a/b", "--create", "x").returncode == 2


def test_a_repeat_with_the_same_key_is_stored_once() -> None:
    assert sent("newbox", "--key", "k", "hello") == "newbox #1\n"
    assert sent("newbox", "--key", "k", "hello") == "newbox #1 (already sent)\n"
    assert json.loads(sent("newbox", "--key", "k", "hello", "--json"))["status"] == "duplicate"
    assert len(stored()) == 1


def test_a_key_with_other_content_is_refused() -> None:
    sent("newbox", "--key", "k", "hello")
    assert refused("newbox", "--key", "k", "other").returncode == 4


def test_json_is_the_outcome_and_the_message_object() -> None:
    answer = json.loads(sent("newbox", "--json", "hello"))
    assert list(answer) == ["status", "live", "delivered", "seen", "message"]
    assert (answer["status"], answer["live"], answer["delivered"], answer["seen"]) == ("sent", "none", None, None)
    message = answer["message"]
    assert (message["type"], message["room"], message["seq"], message["message"]) == ("message", "newbox", 1, "hello")
    assert message["created_at"].endswith("Z")


@pytest.mark.parametrize("options", [["-q"], ["-q", "--json"], ["-q", "-v3"], ["-v0"]])
def test_nothing_is_printed_when_nothing_is_wanted(options: list[str]) -> None:
    assert sent("newbox", *options, "hello") == ""
    assert len(stored()) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert refused("newbox", text).returncode == 2


def test_a_text_at_the_limit_is_stored_and_one_over_it_refused(settings: Settings) -> None:
    settings.CHAT_MAX_LENGTH = 5
    sent("newbox", "größe")
    assert refused("newbox", "größer").returncode == 4
    assert "--create" not in str(refused("newbox", "größer"))


def test_an_archived_room_is_refused() -> None:
    from django.utils import timezone

    from chatcore.models import Room

    Room.objects.update(archived_at=timezone.now())
    assert refused("newbox", "x").returncode == 4


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_stored_as_it_is(text: str) -> None:
    assert sent("newbox", "--", text) == "newbox #1\n"
    assert stored()[0].message == text


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "%s{0}$(x)", "<img onerror=x>", "-rf", "--help", "-", "-5", "$HOME `id`", "@x"]
)
def test_text_is_only_ever_text(text: str) -> None:
    sent("newbox", "--", text)
    assert stored()[0].message == text


@pytest.mark.parametrize("dash", [["-"], []])
def test_a_pipe_is_the_text_as_a_whole(pipe: Pipe, dash: list[str]) -> None:
    pipe("Grüße\n\n  second line\n".encode())
    sent("newbox", *dash)
    assert stored()[0].message == "Grüße\n\n  second line"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"no end of line", "no end of line"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        (b"from\r\nWindows\r\n", "from\nWindows"),
        (b"  blanks stay  \n", "  blanks stay  "),
    ],
)
def test_a_pipe_may_come_from_anywhere(pipe: Pipe, data: bytes, text: str) -> None:
    pipe(data)
    sent("newbox", "-")
    assert stored()[0].message == text


@pytest.mark.parametrize(
    ("data", "code", "hint"),
    [
        ("Grüße".encode("latin-1"), 2, "UTF-8"),
        ("hello".encode("utf-16"), 2, "UTF-8"),
        (b"half a character \xe4\xb8", 2, "UTF-8"),
        (b"a surrogate \xed\xa0\x80", 2, "UTF-8"),
        (b"a\0b", 2, "NUL"),
        (b"", 2, "empty"),
        (b"\n\n", 2, "empty"),
        (b"x" * 5000, 4, "4000"),
    ],
)
def test_a_pipe_that_holds_no_text_is_refused(pipe: Pipe, data: bytes, code: int, hint: str) -> None:
    pipe(data)
    error = refused("newbox", "-")
    assert (error.returncode, hint in str(error)) == (code, True)


def test_the_text_cannot_be_given_twice() -> None:
    assert refused("newbox", "-", "hello").returncode == 2
