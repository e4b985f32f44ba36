"""`chat_rooms delete`: what cannot be undone is asked for twice."""

import io
from collections.abc import Callable

import pytest

from chatcore import history, services
from chatcore.actors import SYSTEM
from tests.integration.rooming import answers, refused, rooms
from tests.integration.writing import say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _newbox() -> None:
    services.create_room("newbox")
    say("newbox", "one", "two")


class Terminal(io.StringIO):
    """Somebody who sits there and has typed this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", Terminal(text))


def test_a_room_is_deleted_when_its_name_is_repeated() -> None:
    assert rooms("delete", "NewBox", "--confirm", "newbox") == "Deleted room newbox with 2 messages\n"
    assert history.room_names(archived=True) == []


def test_an_archived_room_can_be_deleted() -> None:
    services.archive_room("newbox", SYSTEM)
    assert answers("delete", "newbox", "--no-input") == [{"status": "deleted", "room": "newbox", "messages": 2}]


@pytest.mark.parametrize("confirm", ["NEWBOX", "", "newbox ", "other"])
def test_another_name_deletes_nothing(confirm: str) -> None:
    error = refused("delete", "newbox", f"--confirm={confirm}")
    assert error.returncode == 2
    assert "is not newbox: nothing was done" in str(error)
    assert history.room_names() == ["newbox"]


def test_it_never_asks_who_is_no_terminal() -> None:
    error = refused("delete", "newbox")
    assert error.returncode == 2
    assert str(error) == "this cannot be undone: write --confirm newbox, or --no-input"


QUESTION = "Room newbox and its messages (up to #2) will be deleted for good.\nWrite the name once more to go on: "


def test_on_a_terminal_it_asks(typing: Callable[[str], None]) -> None:
    typing("newbox\n")
    assert rooms("delete", "newbox", error=QUESTION) == "Deleted room newbox with 2 messages\n"


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "yes\n", "Newbox\n"])
def test_any_other_answer_deletes_nothing(typing: Callable[[str], None], answer: str) -> None:
    typing(answer)
    assert refused("delete", "newbox", error=QUESTION + ("" if answer else "\n")).returncode == 2  # Ctrl-D
    assert history.room_names() == ["newbox"]


def test_an_unknown_room_is_named_and_nothing_asked(typing: Callable[[str], None]) -> None:
    typing("newbx\n")
    error = refused("delete", "newbx")
    assert error.returncode == 3
    assert "did you mean newbox" in str(error)
