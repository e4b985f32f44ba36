"""What a page says when the domain refuses something: a sentence, in the language of who reads it."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.utils import translation

from chatcore import exceptions, permissions
from chatcore.exceptions import ChatError
from chatcore.sentences import _reasons, sentence

#: Where pages meet refusals that are worded for them alone.
MODULES = [
    permissions,
    *map(
        import_module,
        ("chatcore.views.people", "chatcore.views.search", "chatcore.services.sanctions", "chatcore.services.tokens"),
    ),
]

REFUSALS: list[ChatError] = [
    exceptions.BadRequest("the title has 201 characters, the limit is 200: shorten it"),
    exceptions.BadRoomName("a room name begins and ends with a letter or a digit"),
    exceptions.BadText("the message holds a NUL character: remove it"),
    exceptions.ChatError("the reason"),
    exceptions.Empty(),
    exceptions.Forbidden("only its author may edit a message"),
    exceptions.Forbidden("only staff may mute and ban people"),
    exceptions.Forbidden("only superusers may mute and ban staff"),
    exceptions.Forbidden("nobody mutes, bans or frees himself: ask somebody else"),
    exceptions.BadRequest("this time is over: name one to come, or none"),
    exceptions.IsSuperuser("alice"),
    exceptions.KeyReused("key", 1),
    exceptions.LastOwner("newbox", "alice"),
    exceptions.MemberNotFound("newbox", "alice"),
    exceptions.MessageNotFound("newbox", 7),
    exceptions.NotSignedIn(),
    exceptions.OutcomeUnknown("the database was lost"),
    exceptions.RateLimited(0.3),
    exceptions.RateLimited(3.2, "searches"),
    exceptions.RoomArchived("newbox"),
    exceptions.RoomExists("newbox"),
    exceptions.RoomNotFound("newbox"),
    exceptions.TooLong(5, 4),
    exceptions.Unavailable("the database is locked"),
    exceptions.UserExists("alice"),
    exceptions.UserNotFound("alcie", ["alice", "alina"]),
    exceptions.UserNotFound("nobody"),
]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.detail[:30])
def test_every_refusal_is_a_sentence(error: ChatError, language: str) -> None:
    with translation.override(language):
        text = sentence(error)
    assert text[0].isupper() or text.startswith("alice")
    assert text[-1] in ".?"
    assert "--" not in text
    assert "%(" not in text


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.detail[:30])
def test_every_refusal_is_translated(error: ChatError) -> None:
    with translation.override("en"):
        english = sentence(error)
    with translation.override("de"):
        assert sentence(error) != english


def test_a_name_that_is_missing_is_told_and_no_account_like_it() -> None:
    with translation.override("en"):
        assert sentence(exceptions.UserNotFound("alcie", ["alice", "alina"])) == "There is no account alcie."
        assert sentence(exceptions.RateLimited(3.2)) == "That was too fast. Wait 4 seconds, then try again."


def lines() -> Iterator[str]:
    """The lines without variables with which these modules refuse something."""
    for module in MODULES:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                first = node.exc.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_the_reasons_that_have_sentences_of_their_own_are_those_that_are_given() -> None:
    assert set(_reasons()) <= set(lines())
