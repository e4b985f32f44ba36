"""The cursor file: replaced at once, one user at a time, and never written over what it does not understand."""

import os
from pathlib import Path

import pytest

from chatcli.tail.cursor import CursorFile, CursorInUse, Position
from chatcore.exceptions import BadRequest, ChatError

PLACES = {"newbox": Position(57, "0199", "e1"), "straße": Position(0, None, "e2")}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = CursorFile(str(tmp_path / "cursor"))
    assert file.load() is None
    file.save(PLACES)
    assert file.load() == PLACES
    file.save({})
    assert file.load() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["cursor"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"42", b'{"newbox": 5}', b'{"newbox": {"rev": 5}}',
        b'{"newbox": {"rev": -1, "id": null, "epoch": "e"}}', b'{"newbox": {"rev": "5", "id": null, "epoch": "e"}}',
        b'{"newbox": {"rev": 5, "id": null, "epoch": "e", "more": 1}}', b'{"a":' * 100_000, b"hello\x1b[2J",
    ],
)  # fmt: skip
def test_a_file_that_is_no_cursor_is_a_usage_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cursor"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match=r"no cursor file of chat_tail .*left as it is") as caught:
        CursorFile(str(path)).load()
    assert "\x1b" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_second_user_is_told_who_has_it(tmp_path: Path) -> None:
    path = str(tmp_path / "cursor")
    with CursorFile(path).held():
        with pytest.raises(CursorInUse, match=f"in use by process {os.getpid()}") as caught, CursorFile(path).held():
            pass
        assert caught.value.exit_code == 5
    with CursorFile(path).held():
        pass


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("cursor")
    file, link = CursorFile(str(tmp_path / "cursor")), CursorFile(str(tmp_path / "link"))
    link.save(PLACES)
    assert file.load() == PLACES
    assert (tmp_path / "link").is_symlink()
    with file.held(), pytest.raises(CursorInUse), link.held():
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="missing/cursor"), CursorFile(str(tmp_path / "missing" / "cursor")).held():
        pass


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cursor").mkdir()
    with pytest.raises(ChatError, match="cannot be used"):
        CursorFile(str(tmp_path / "cursor")).load()
    with pytest.raises(ChatError, match="cannot be used"):
        CursorFile(str(tmp_path / "cursor")).save(PLACES)


def test_what_a_killed_one_left_beside_it_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "cursor.tmp").write_bytes(b'{"newbox": {"rev"' * 100)
    file = CursorFile(str(tmp_path / "cursor"))
    file.save(PLACES)
    assert file.load() == PLACES
