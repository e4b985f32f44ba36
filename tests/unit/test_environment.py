"""Values from the environment: typed, or an error of one line that names variable, value and remedy."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.environment import Environment

NO_FILE = Path("/nonexistent/roomline.env")


def environment(**values: str) -> Environment:
    return Environment(NO_FILE, values)


def test_nothing_set_gives_the_defaults() -> None:
    env = environment()
    assert env.text("CHAT_X") is None
    assert env.flag("CHAT_X", default=True) is True
    assert env.number("CHAT_X", default=7, low=1) == 7
    assert env.choice("CHAT_X", ("a", "b"), default="b") == "b"
    assert env.matching("CHAT_X", "a+", default="aa", example="aaa") == "aa"
    assert env.url("CHAT_X", ("http",), example="http://a") is None
    assert env.words("CHAT_X") == []


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_value_counts_as_none(empty: str) -> None:
    env = environment(CHAT_X=empty)
    assert env.text("CHAT_X") is None
    assert env.flag("CHAT_X", default=False) is False
    assert env.number("CHAT_X", default=7, low=1) == 7
    assert env.words("CHAT_X") == []


@pytest.mark.parametrize(
    ("value", "meant"), [("on", True), ("1", True), ("True", True), ("YES", True), ("off", False), ("0", False)]
)
def test_a_flag_is_read_as_people_write_it(value: str, meant: bool) -> None:
    assert environment(CHAT_X=value).flag("CHAT_X", default=not meant) is meant


def test_a_relative_folder_hangs_on_the_project_and_not_on_the_current_folder() -> None:
    home = Path("/srv/chat")
    assert environment(CHAT_X="data").folder("CHAT_X", default=home, home=home) == home / "data"
    assert environment(CHAT_X="/data").folder("CHAT_X", default=home, home=home) == Path("/data")


def test_words_are_separated_by_commas_or_blanks() -> None:
    assert environment(CHAT_X=" a,b  c , d,").words("CHAT_X") == ["a", "b", "c", "d"]


@pytest.mark.parametrize("value", ["maybe", "2", "ja"])
def test_a_flag_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"CHAT_X='{value}' cannot be used: expected on or off"):
        environment(CHAT_X=value).flag("CHAT_X", default=True)


@pytest.mark.parametrize("value", ["many", "-1", "0", "1.5", "1e3", "٣", "9" * 5000])
def test_a_number_that_is_none_or_too_small_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="expected a whole number from 1 up, as 4000"):
        environment(CHAT_X=value).number("CHAT_X", default=4000, low=1)


def test_another_choice_is_refused_with_the_right_ones() -> None:
    with pytest.raises(ImproperlyConfigured, match="CHAT_X='all' cannot be used: expected none or read"):
        environment(CHAT_X="all").choice("CHAT_X", ("none", "read"), default="none")


@pytest.mark.parametrize(
    "value", ["localhost:6379", "http://h", "redis://", "redis://h:port", "redis://h:0", "redis://["]
)
def test_a_url_that_cannot_be_used_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="expected something like redis://h:1"):
        environment(CHAT_X=value).url("CHAT_X", ("redis",), example="redis://h:1")


@pytest.mark.parametrize(
    "value",
    ["redis://user:secret@host:port", "redis://:secret@", "redis://u:a/secret@b@h:port", "redis://u:x:secret@["],
)
def test_a_refused_url_does_not_show_its_password(value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        environment(CHAT_X=value).url("CHAT_X", ("redis",), example="redis://h:1")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
