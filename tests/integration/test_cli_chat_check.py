"""`chat_check` as a program calls it: what it finds, its codes, and what it leaves alone."""

import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import override_settings
from pytest_django.fixtures import Settings

from chatcli import server_record
from chatcli.checking import checkup, database
from chatcli.checking.findings import Level
from chatcli.server.local import LocalSocket, local_socket

pytestmark = pytest.mark.django_db(transaction=True)


def check(**options: Any) -> tuple[int, str, str]:
    """The exit code, and what was printed on both streams."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("chat_check", stdout=out, stderr=err, **options)
    except CommandError as error:
        return error.returncode, out.getvalue(), f"{err.getvalue()}{error}"
    return 0, out.getvalue(), err.getvalue()


def findings(**options: Any) -> dict[str, dict[str, Any]]:
    """What is not sound, by its id."""
    _, out, _ = check(json=True, **options)
    told = map(json.loads, out.splitlines())
    return {it["id"]: it for it in told if it["level"] in ("warning", "error")}


def test_a_sound_installation_without_a_server_is_well() -> None:
    code, out, err = check()
    assert (code, err) == (0, "")
    assert out.endswith("all is well\n")
    assert "none is running: ./manage.py runchat" in out
    parts = {line.split()[1] for line in out.splitlines()[:-1] if not line.startswith(" ")}
    assert parts == {"settings", "files", "disk", "database", "migrations", "clock", "broker", "server"}


def test_quiet_prints_nothing_and_verbosity_0_only_what_is_to_be_done() -> None:
    assert check(quiet=True) == check(verbosity=0) == check(quiet=True, format="nagios") == (0, "", "")
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        assert check(quiet=True) == (0, "", "")
        code, out, err = check(verbosity=0)
        assert (code, err) == (0, "")
        assert out.startswith("warning settings ")
        assert out.count("\n") == 2


def test_an_error_is_exit_1_with_a_summary_and_2_to_nagios() -> None:
    with override_settings(CHAT_MAX_LENGTH="many"):
        code, out, err = check(quiet=True)
        assert (code, err) == (1, "1 error")
        assert out.startswith("error   settings   CHAT_MAX_LENGTH = 'many' cannot be used: expected int, got str.")
        code, out, _ = check(format="nagios")
        assert code == 2
        assert out.startswith("CRITICAL - 1 error: settings: CHAT_MAX_LENGTH")
        assert out.count("\n") == 1


def test_a_warning_is_exit_0_and_1_to_nagios() -> None:
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert check()[0] == 0
        assert check()[1].endswith("\n1 warning\n")
        code, out, _ = check(format="nagios")
    assert code == 1
    assert out.startswith("WARNING - 1 warning: settings: ALLOWED_HOSTS has")


def test_a_check_that_is_silenced_is_silent() -> None:
    with override_settings(ALLOWED_HOSTS=["*"], SILENCED_SYSTEM_CHECKS=["chatcore.W011"]):
        assert findings() == {}


def test_deploy_runs_django_s_own_checks_too() -> None:
    with override_settings(DEBUG=True):
        assert "security.W018" in findings(deploy=True)
        assert "security.W018" not in findings()


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
def test_another_account_s_data_is_not_looked_at_and_unknown_to_nagios() -> None:
    assert check()[:2] == (4, "")
    code, out, _ = check(format="nagios")
    assert code == 3
    assert out.startswith('UNKNOWN - this chat belongs to "root"')


def test_a_check_leaves_nothing_behind_but_a_question_that_is_forgotten() -> None:
    check()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM chatcore_message")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM chatcore_inquiry")
        assert cursor.fetchone() == (1,)


# Servers


@pytest.fixture
def record(settings: Settings, tmp_path: Path) -> Iterator[server_record.ServerRecord]:
    """The record of a server that lives, and is this very process, which answers nobody."""
    settings.CHAT_VAR_DIR = tmp_path
    with TemporaryDirectory(prefix="run-") as run, local_socket(Path(run)) as local:  # a short path, for a socket
        assert isinstance(local, LocalSocket)
        with closing(server_record.Announcement("http://127.0.0.1:8000/", (), str(local.path))) as server:
            yield server.record


def test_a_server_that_means_other_data_is_an_error_and_not_a_refusal(
    record: server_record.ServerRecord, tmp_path: Path
) -> None:
    with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "shop.layers.Own"}}):
        found = findings()
    assert list(found) == ["chatcore.E140"]
    assert "Own" in found["chatcore.E140"]["what"]
    assert f"pid {record.pid}" in found["chatcore.E140"]["what"]


def test_a_worker_that_does_not_run_is_named(settings: Settings, tmp_path: Path) -> None:
    settings.CHAT_VAR_DIR = tmp_path
    with closing(server_record.Announcement("http://127.0.0.1:8000/", [0, 0])):
        found = findings()
    assert found["chatcore.E145"]["what"].startswith(f"worker 2 of the server with pid {os.getpid()} ")
    assert "chatcore.E142" not in found


@pytest.mark.slow
def test_a_server_without_its_local_socket_is_told_of(record: server_record.ServerRecord) -> None:
    assert "chatcore.W146" not in findings()
    Path(record.socket).unlink()
    assert f"pid {record.pid}" in findings()["chatcore.W146"]["what"]


@pytest.mark.slow
@pytest.mark.embedded("its own broker is missing")
def test_a_server_without_its_broker_that_answers_nothing_is_told_of_twice(record: server_record.ServerRecord) -> None:
    found = findings()
    assert found.keys() == {"chatcore.E130", "chatcore.E142"}
    assert f":{record.pid} (http://127.0.0.1:8000/)" in found["chatcore.E142"]["what"]


# The database

sqlite = pytest.mark.sqlite("its own locks and files")


@sqlite
def test_a_lock_that_another_program_holds_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_S", 0.2)
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        found = findings()
    finally:
        other.close()
    assert list(found) == ["chatcore.E103"]
    assert "locked by another program" in found["chatcore.E103"]["what"]


@sqlite
def test_a_large_file_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "READ_S", -1.0)
    monkeypatch.setattr(database, "_STEPS", 1)
    (found,) = (it for it in checkup.checkup(deploy=False) if it.id == "chatcore.I106")
    assert found.level is Level.INFO
    assert "not checked for damage" in found.what
    with connection.cursor() as cursor:  # and the connection can be used
        cursor.execute("SELECT 1")


@sqlite
def test_a_foreign_program_s_file_is_no_chat(tmp_path: Path) -> None:
    """As it may be after a restore of the wrong file."""
    path = tmp_path / "chat.sqlite3"
    path.write_bytes(b"certainly no database" * 1000)
    other = connection.copy()
    other.settings_dict = {**connection.settings_dict, "NAME": str(path)}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "connection", other)
            (found,) = database.DatabaseLook().look()
    finally:
        other.close()
    assert found.id == "chatcore.E105"
    assert "file is not a database" in found.what
