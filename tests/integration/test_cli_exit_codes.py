"""Exit codes as a program that calls the commands sees them: `CommandError.returncode`."""

import fcntl
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcli.locks import try_lock
from chatcore import services
from tests.integration.keeping import locked

pytestmark = pytest.mark.django_db(transaction=True)


def exit_code(*arguments: str) -> int:
    """What the process would end with. When that is not 0, nothing may have been printed."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        assert out.getvalue() == ""
        return int(error.returncode)
    return 0


@pytest.fixture(autouse=True)
def rooms() -> None:
    services.create_room("newbox")
    services.post_messages([services.Post("newbox", "first", key="once", key_scope="cli", source="cli")])


@pytest.fixture
def locked_database() -> Iterator[None]:
    """Another program writes and does not end."""
    with locked():
        yield


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["chat_send", "newbox", "hello"], 0),
        (["chat_send", "newbox", "hello", "--once", "1h"], 0),
        (["chat_send", "newbox"], 2),
        (["chat_send", "newbox", "--nothing"], 2),
        (["chat_send", "newbox", "hello", "-"], 2),
        (["chat_send", "nowhere", "hello"], 3),
        (["chat_send", "newbox", "hello", "--as", "nobody"], 3),
        (["chat_send", "newbox", "hello", "--edit", "9"], 3),
        (["chat_send", "newbox", "x" * 4001], 4),
        (["chat_send", "newbox", "other text", "--key", "once"], 4),
        (["chat_send", "newbox", "job", "--run", "--on", "success", "--", "sh", "-c", "exit 9"], 9),
        (["chat_send", "newbox", "job", "--run", "--on", "success", "--", "sh", "-c", "kill -15 $$"], 143),
        (["chat_send", "newbox", "job", "--run", "--on", "success", "--", "/no/such/program"], 127),
        (["chat_send", "newbox", "job", "--run", "--on", "success", "--", "/"], 126),
        (["chat_tail", "newbox", "--no-follow"], 0),
        (["chat_tail", "newbox", "--count", "1"], 0),
        (["chat_tail", "newbox", "--exec", "exit 9", "--exec-retries", "0"], 1),
        (["chat_tail"], 2),
        (["chat_tail", "newbox", "--all"], 2),
        (["chat_tail", "newbox", "--grep", "("], 2),
        (["chat_tail", "nowhere"], 3),
        (["chat_tail", "nowhere-*", "--no-follow"], 3),
        (["chat_tail", "newbox", "-n0", "--timeout", "0.05"], 124),
        (["chat_tail", "newbox", "-n0", "--idle", "0.05"], 124),
        (["create_room", "newbox"], 4),
    ],
)
def test_a_program_gets_the_code_that_a_shell_gets(line: list[str], code: int) -> None:
    assert exit_code(*line) == code


def test_a_message_that_was_stored_and_not_read_in_time_is_124_and_its_number() -> None:
    with pytest.raises(CommandError, match="newbox #2") as caught:
        call_command("chat_send", "newbox", "read this", "--wait", "seen", "--timeout", "0.1", stdout=io.StringIO())
    assert caught.value.returncode == 124


@pytest.mark.usefixtures("locked_database")
def test_a_locked_database_is_5() -> None:
    assert exit_code("chat_send", "newbox", "hello", "--timeout", "0.2", "--retry", "0") == 5


def test_a_cursor_file_that_somebody_has_is_5(tmp_path: Path) -> None:
    with (tmp_path / "cursor.lock").open("w") as lock:
        assert try_lock(lock.fileno(), fcntl.LOCK_EX)
        assert exit_code("chat_tail", "newbox", "--no-follow", "--cursor-file", str(tmp_path / "cursor")) == 5
