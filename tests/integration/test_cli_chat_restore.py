"""`chat_restore` on a database of the test's own: what it takes, what it refuses, and that it is all or nothing."""

import fcntl
import io
import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from chatcli.upkeep import restore
from chatcore import history, services
from chatcore.history import RoomView
from chatcore.models import Inquiry, Lease
from tests.integration.damaging import spoil
from tests.integration.writing import say
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sqlite("PostgreSQL is restored by its own program"),
]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The test's own, with the room newbox."""
    folder = tmp_path / "var"
    folder.mkdir()
    call_command("chat_backup", str(folder / "chat.sqlite3"), "-q")
    connection.close()
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(folder / "chat.sqlite3"))
    services.create_room("newbox")
    yield folder / "chat.sqlite3"
    connection.close()


@pytest.fixture
def copy(database: Path, tmp_path: Path) -> Path:
    """A backup in which there are two messages; there are more since."""
    say("newbox", "one", "two")
    call_command("chat_backup", str(tmp_path / "copy"), "-q")
    say("newbox", "three")
    return tmp_path / "copy"


def restored(path: Path, *arguments: str) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_restore", str(path), "--no-input", *arguments, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


def refused(path: Path, *arguments: str) -> CommandError:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_restore", str(path), "--no-input", *arguments, stdout=out)
    assert out.getvalue() == ""
    return caught.value


def texts(room: RoomView) -> list[str]:
    return [message.message for message in history.messages_after(room.id, 0, 50)]


def stored(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return [text for (text,) in opened.execute("SELECT text FROM chatcore_message ORDER BY seq")]


def test_what_was_saved_is_back_and_what_was_there_is_kept(database: Path, copy: Path) -> None:
    room = history.room_named("newbox")
    said = restored(copy)
    found = re.fullmatch(r"Restored 1 room and 2 messages; what was there before is in (.*)\n", said)
    assert found is not None
    before = Path(found[1])
    assert re.fullmatch(rf"{database}\.before-restore-\d{{8}}-\d{{6}}", str(before))
    assert (texts(room), stored(before)) == (["one", "two"], ["one", "two", "three"])
    (message,) = say("newbox", "another third")
    assert message.seq == 3


def test_only_the_two_databases_and_the_turns_are_left(database: Path, copy: Path) -> None:
    restored(copy, "-q")
    connection.close()
    names = {re.sub(r"\d{8}-\d{6}", "NOW", child.name) for child in database.parent.iterdir()}
    assert names <= {"chat.sqlite3", "chat.sqlite3.before-restore-NOW", "chat.sqlite3.turn-a", "chat.sqlite3.turn-b"}
    assert copy.exists()


def test_json_has_the_counts_and_where_the_old_one_is(database: Path, copy: Path) -> None:
    answer = json.loads(restored(copy, "--json"))
    assert Path(answer.pop("before")).is_file()
    assert answer == {"status": "restored", "rooms": 1, "messages": 2}


def test_each_room_has_a_new_epoch_and_nobody_is_present(database: Path, tmp_path: Path) -> None:
    services.create_room("other")
    before = {room.name: room.epoch for room in history.room_logs()}
    Lease.objects.create(server="dead", until=timezone.now() + timedelta(days=1), version=1)
    services.ask_delivery([("newbox", 1)])
    call_command("chat_backup", str(tmp_path / "copy"), "-q")
    restored(tmp_path / "copy")
    after = {room.name: room.epoch for room in history.room_logs()}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert not Lease.objects.exists()
    assert not Inquiry.objects.exists()


def test_the_mode_of_the_database_stays(database: Path, copy: Path) -> None:
    database.chmod(0o640)
    restored(copy)
    assert stat.S_IMODE(database.stat().st_mode) == 0o640


def test_where_there_is_no_database_it_becomes_one(database: Path, copy: Path) -> None:
    connection.close()
    shutil.rmtree(database.parent)
    database.parent.mkdir()
    assert restored(copy) == "Restored 1 room and 2 messages\n"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_an_older_one_is_brought_up_to_date(database: Path, copy: Path) -> None:
    with restore._connected_to(copy):
        call_command("migrate", "chatcore", "0004", verbosity=0)
    restored(copy)
    assert history.room_logs()[0].seq_floor == 0
    assert texts(history.room_named("newbox")) == ["one", "two"]


def test_a_newer_one_is_refused(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as opened, opened:
        opened.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('chatcore', '9999_wings', '2030')")
    error = refused(copy)
    assert error.returncode == 4
    assert "newer version" in str(error)
    assert "9999_wings" in str(error)


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE things (id)")


def damaged(path: Path) -> None:
    shutil.copy(path.with_name("copy"), path)
    spoil(path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "a folder": (lambda path: path.mkdir(), "no such file"),
    "empty": (lambda path: path.touch(), "no database of this chat"),
    "a text": (lambda path: path.write_text("hello\n" * 999), "no SQLite database"),
    "another program's": (other_program, "no database of this chat"),
    "damaged": (damaged, "damaged|no database of this chat"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sound_database_of_the_chat_is_refused(database: Path, copy: Path, name: str) -> None:
    make, why = BAD[name]
    make(copy.with_name("bad"))
    error = refused(copy.with_name("bad"))
    assert error.returncode == 2
    assert re.search(why, str(error))
    assert texts(history.room_named("newbox")) == ["one", "two", "three"]
    assert not list(database.parent.glob("*before*"))
    assert not (database.parent / ".restoring").exists()


def test_the_database_that_is_there_is_no_backup_of_itself(database: Path, copy: Path) -> None:
    (copy.parent / "link").symlink_to(database)
    for path in (database, copy.parent / "link"):
        assert refused(path).returncode == 2


def test_while_somebody_reads_nothing_is_changed(database: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "_PATIENCE", 0.1)
    with closing(sqlite3.connect(database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM chatcore_message").fetchone()
        say("newbox", "four")
        assert refused(copy).returncode == 5
    assert texts(history.room_named("newbox")) == ["one", "two", "three", "four"]
    restored(copy)


def test_each_restore_keeps_what_it_replaces_also_within_a_second(database: Path, copy: Path) -> None:
    before = {json.loads(restored(copy, "--json"))["before"] for _ in range(3)}
    assert sorted(len(stored(Path(path))) for path in before) == [2, 2, 3]


def test_two_restores_do_not_mix_and_a_killed_one_leaves_nothing(database: Path, copy: Path) -> None:
    work = database.parent / ".restoring"
    work.mkdir()
    (work / "chat.sqlite3").write_text("half")
    descriptor = os.open(work, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert refused(copy).returncode == 5
    os.close(descriptor)
    restored(copy)
    assert not work.exists()


def test_a_bare_copy_with_its_log_is_taken_as_it_is(database: Path, copy: Path) -> None:
    """Of a server that was killed: what is in the log counts."""
    bare = copy.parent / "bare" / "chat.sqlite3"
    bare.parent.mkdir()
    for part in ("", "-wal"):
        shutil.copy(f"{database}{part}", f"{bare}{part}")
    restored(bare)
    assert texts(history.room_named("newbox")) == ["one", "two", "three"]


def test_without_a_terminal_it_does_not_ask(database: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stdin in (io.StringIO("y\n"), None):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(CommandError, match="--no-input") as caught:
            call_command("chat_restore", str(copy))
        assert caught.value.returncode == 2
    assert texts(history.room_named("newbox")) == ["one", "two", "three"]


def test_hostile_paths_are_harmless(database: Path, tmp_path: Path) -> None:
    for text in HOSTILE.values():
        name = text.replace("/", "_").encode()[:100].decode(errors="ignore")
        (tmp_path / name).write_text("no database")
        shown = str(refused(tmp_path / name)) + str(refused(tmp_path / "missing" / name))
        assert not [character for character in FORBIDDEN if character in shown]
        assert "\n" not in shown
