"""The text of a token: what it is made of, what is taken for one, and what is left of it in a log."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.token_texts import TokenText, digest_of, new_token_text, read_token_text, without_secrets

#: Always the same: it stands in the names of tests.
MADE = TokenText("69reqggpbtat", "UsPt40SnhNciPZlRd8BuI0pkFpHcGn67t0IuNHj5IOw")


def test_each_has_a_public_part_and_32_random_bytes_and_no_two_are_the_same() -> None:
    made = [new_token_text() for _ in range(200)]
    assert all(len(text.id) == 12 and text.id.islower() and len(text.secret) == 43 for text in made)
    assert len({text.id for text in made}) == len({text.secret for text in made}) == 200


def test_what_was_made_is_read_again() -> None:
    for text in (new_token_text() for _ in range(200)):
        assert read_token_text(str(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "rl_", "Bearer", str(MADE)[:-1], f"{MADE}x", f" {MADE}", f"{MADE}\n", str(MADE).upper(),
        f"rl_{MADE.id}", f"rl_{MADE.id[:-1]}l_{MADE.secret}", f"xx_{MADE.id}_{MADE.secret}", f"{MADE}\0",
        f"rl_{MADE.id}_{'é' * 43}", "rl_" + "x" * 100_000,
    ],
)  # fmt: skip
def test_what_is_of_another_form_is_no_token(text: str) -> None:
    assert read_token_text(text) is None


def test_the_digest_is_of_the_secret_alone() -> None:
    assert (
        digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # FIPS 180-4's example


def test_the_secret_is_not_in_what_debuggers_show() -> None:
    assert MADE.secret not in repr(MADE)
    assert MADE.secret not in repr([MADE])


@pytest.mark.parametrize("around", ["{}", "POST /api/hooks/{}/x?y=1 404", "'{}'", '{{"a": "{}"}}', "{}%00", "({})"])
@pytest.mark.parametrize("text", [str(MADE), str(MADE).replace("_", "%5f", 2), str(MADE).replace("_", "%5F", 1)])
def test_a_log_has_the_public_part_alone(around: str, text: str) -> None:
    told = without_secrets(around.format(text))
    assert MADE.secret not in told
    assert f"{MADE.id}_..." in told


def test_half_a_token_is_none_of_the_logs_business_either() -> None:
    assert MADE.secret[:20] not in without_secrets(f"cut: rl_{MADE.id}_{MADE.secret[:20]}")


@given(st.text(string.printable, max_size=40), st.text(string.printable, max_size=40))
def test_whatever_stands_around_it_a_secret_is_not_told_and_all_else_is(before: str, after: str) -> None:
    told = without_secrets(f"{before} {MADE} {after}")
    assert MADE.secret not in told
    assert told == f"{before} rl_{MADE.id}_... {after}"


def test_other_text_stays_as_it_is() -> None:
    for text in ("", "url=1", "rl_short_x", "curl -d hello", str(TokenText("a", "b"))):
        assert without_secrets(text) == text
