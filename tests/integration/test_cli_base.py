"""What all commands share, with a database."""

import fcntl
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from pytest_django.fixtures import Settings

from chatcli.server_record import own_record
from chatcore import services
from tests.integration.keeping import locked

COMMANDS = [["create_room", "other"], ["chat_send", "newbox", "x"], ["chat_tail", "newbox", "--no-follow"]]


def refused(*arguments: str) -> CommandError:
    """The error that the command ends with; it must have printed nothing."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, stdout=out)
    assert out.getvalue() == ""
    return caught.value


def live_server(folder: Path, fingerprint: str) -> Iterator[None]:
    """The record of a server that lives and means other data, as that server would hold it."""
    path = folder / "server.json"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(
            {**vars(own_record("http://127.0.0.1:8000/")), "fingerprint": fingerprint, "database": "elsewhere"}, file
        )
        file.flush()
        yield
    path.unlink()


@pytest.fixture
def foreign_server(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.CHAT_VAR_DIR = tmp_path
    yield from live_server(tmp_path, "another")


@pytest.fixture
def own_server(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.CHAT_VAR_DIR = tmp_path
    yield from live_server(tmp_path, own_record().fingerprint)


@pytest.mark.django_db
@pytest.mark.usefixtures("foreign_server")
@pytest.mark.parametrize("line", COMMANDS)
def test_beside_a_server_that_means_other_data_nothing_is_done(line: list[str]) -> None:
    services.create_room("newbox")
    error = refused(*line)
    assert error.returncode == 1
    assert "elsewhere" in str(error)
    assert services.create_room("other", existing="keep").outcome == "created"


@pytest.mark.django_db
@pytest.mark.usefixtures("own_server")
def test_beside_a_server_of_the_same_data_it_says_pushed() -> None:
    services.create_room("newbox")
    out = io.StringIO()
    call_command("chat_send", "newbox", "x", "--json", stdout=out)
    assert json.loads(out.getvalue())["live"] == "pushed"


@pytest.fixture
def broken_layer(settings: Settings) -> None:
    """A channel layer whose broker is not there."""
    settings.CHAT_BROKER_SOCKET = None
    config = {"hosts": ["redis://127.0.0.1:1"]}
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broken_layer", "own_server")
def test_a_layer_that_fails_is_one_warning_and_the_message_is_stored() -> None:
    services.create_room("newbox")
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_send", "newbox", "x", "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["live"] == "deferred"
    assert err.getvalue().startswith("Warning: stored, but ")
    assert err.getvalue().count("\n") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broken_layer", "own_server")
def test_a_layer_that_fails_is_no_word_when_nothing_is_wanted() -> None:
    services.create_room("newbox")
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_send", "newbox", "x", "-q", stdout=out, stderr=err)
    assert (out.getvalue(), err.getvalue()) == ("", "")


@pytest.fixture
def another_account(settings: Settings) -> Iterator[None]:
    """We are not who the data belongs to, by real accounts."""
    if os.geteuid() != 0:
        settings.CHAT_VAR_DIR = Path("/")
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("another_account")
@pytest.mark.parametrize("line", COMMANDS)
def test_under_another_account_than_the_datas_owner_nothing_is_opened(line: list[str]) -> None:
    error = refused(*line)  # without the database fixture: a query would fail the test
    assert error.returncode == 4
    assert str(error) == 'this chat belongs to "root": sudo -u root ./manage.py ...'


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", COMMANDS)
def test_a_database_without_tables_names_the_command_to_run(line: list[str]) -> None:
    services.create_room("newbox")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE chatcore_room RENAME TO elsewhere")
    try:
        error = refused(*line)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO chatcore_room")
    assert error.returncode == 1
    assert "manage.py migrate" in str(error)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", [["create_room", "other"], ["chat_send", "newbox", "x", "--timeout", "0.2"]])
@pytest.mark.slow
def test_a_database_that_is_locked_is_exit_5(line: list[str]) -> None:
    services.create_room("newbox")
    with locked():
        error = refused(*line)
    assert error.returncode == 5
    assert "nothing was stored" in str(error)


def test_a_chat_database_that_the_settings_do_not_have_is_one_line(settings: Settings) -> None:
    settings.CHAT_DATABASE = "nope"
    with pytest.raises(CommandError, match="settings cannot be used: CHAT_DATABASE = 'nope' is none of DATABASES"):
        call_command("create_room", "newbox")
