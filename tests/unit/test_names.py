"""Room names: which are allowed, and when two of them are one room."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.exceptions import BadRoomName
from chatcore.names import LONGEST, check_room_name, room_key

NAMES = st.text(st.characters(categories=("L", "M", "Nd")) | st.sampled_from("-_."), min_size=1, max_size=LONGEST)


@pytest.mark.parametrize(
    "name",
    ["newbox", "a", "7", "Ops-2026.q4_eu", "a..b", "Größe", "Москва", "東京", "غرفة", "क्षेत्र", "e\u0301tage", "x" * 64],
)
def test_names_of_letters_marks_digits_and_three_signs_are_allowed(name: str) -> None:
    check_room_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 64 characters, this one has 0"),
        ("x" * 65, "1 to 64 characters, this one has 65"),
        (" ", "not ' '"),
        ("a b", "not ' '"),
        ("a\u00a0b", r"not '\xa0'"),
        ("a/b", "not '/'"),
        ("a\\b", r"not '\\'"),
        ("a\0b", r"not '\x00'"),
        ("a\nb", r"not '\n'"),
        *((f"a{sign}b", f"not '{sign}'") for sign in "*#?:,@&%+~"),
        ("party🎉", r"not '\U0001f389'"),
        ("a\u202eb", r"not '\u202e'"),  # right-to-left override
        ("a\u200bb", r"not '\u200b'"),  # zero-width space
        ("a\u200db", r"not '\u200d'"),  # zero-width joiner
        ("a\ud800b", r"not '\ud800'"),
        ("m²", r"not '\xb2'"),
        ("<script>", "not '<'"),
        (".", "begins and ends with a letter or a digit"),
        ("..", "begins and ends with a letter or a digit"),
        ("-rf", "begins and ends with a letter or a digit"),
        ("--help", "begins and ends with a letter or a digit"),
        ("_a", "begins and ends with a letter or a digit"),
        ("a.", "begins and ends with a letter or a digit"),
        ("a-", "begins and ends with a letter or a digit"),
        ("\u0301a", "begins and ends with a letter or a digit"),  # a mark with nothing to stand on
        ("a\ufdfab", "fold into punctuation or blanks"),  # one letter that stands for a sentence
    ],
)
def test_other_names_are_refused_with_what_is_wrong(name: str, reason: str) -> None:
    with pytest.raises(BadRoomName) as refused:
        check_room_name(name)
    assert reason in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "invisible",
    ["\u034f", "\u115f", "\u1160", "\u17b4", "\u180b", "\u3164", "\ufe00", "\ufe0f", "\uffa0", "\U000e0100"],
)
def test_letters_and_marks_that_nobody_can_see_are_refused(invisible: str) -> None:
    assert unicodedata.category(invisible)[0] in "LM"
    with pytest.raises(BadRoomName, match="cannot be seen"):
        check_room_name(f"new{invisible}box")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("newbox", "NewBox"),
        ("\u00e9tage", "e\u0301tage"),  # NFC and NFD
        ("straße", "STRASSE"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ＮＥＷＢＯＸ", "newbox"),
        ("oﬃce", "office"),
        ("room１", "room1"),
    ],
)
def test_twins_are_one_room(one: str, other: str) -> None:
    check_room_name(one)
    check_room_name(other)
    assert room_key(one) == room_key(other)


@pytest.mark.parametrize(("one", "other"), [("newbox", "newbоx"), ("a-b", "a_b"), ("room", "room1")])
def test_different_names_are_different_rooms(one: str, other: str) -> None:
    assert room_key(one) != room_key(other)


@given(NAMES)
def test_a_key_is_its_own_key_and_fits_its_column(name: str) -> None:
    key = room_key(name)
    assert room_key(key) == key
    assert len(key) <= 256


@given(NAMES)
def test_case_and_normalization_do_not_change_the_key(name: str) -> None:
    key = room_key(name)
    assert room_key(name.casefold()) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert room_key(unicodedata.normalize(form, name)) == key


@given(st.text(st.characters(categories=None)))
def test_any_string_has_a_key_that_a_database_takes(name: str) -> None:
    key = room_key(name)
    assert "\0" not in key
    assert key.encode().decode() == key


@pytest.mark.parametrize("broken", ["new\ud800box", "new\0box", "\udcff"])
def test_the_key_of_a_broken_name_is_no_room_s(broken: str) -> None:
    with pytest.raises(BadRoomName):
        check_room_name(room_key(broken))
