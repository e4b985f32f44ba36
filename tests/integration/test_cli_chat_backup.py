"""`chat_backup` with a database: one whole file of one moment, whatever others write, and nothing overwritten."""

import fcntl
import io
import json
import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from chatcli.upkeep import backup, files
from chatcore import history
from chatcore.history import RoomView
from tests.integration.conftest import Elsewhere
from tests.integration.damaging import spoil
from tests.integration.writing import say
from tests.unit.hostile import FORBIDDEN, HOSTILE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sqlite("PostgreSQL is saved by its own program"),
]


def saved(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out, err = io.StringIO(), io.StringIO()
    call_command("chat_backup", *arguments, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("chat_backup", *arguments, stdout=out)
    assert out.getvalue() == ""
    return caught.value


def texts(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in opened.execute("SELECT text FROM chatcore_message ORDER BY seq")]


def test_everything_is_in_one_file_for_this_account_only(newbox: RoomView, tmp_path: Path) -> None:
    say("newbox", *"abc")
    path = tmp_path / "copy.sqlite3"
    found = re.fullmatch(rf"Saved {path}: 1 room, 3 messages, [0-9.]+ [kM]B\n", saved(str(path)))
    assert found is not None
    assert texts(path) == ["a", "b", "c"]
    assert [child.name for child in tmp_path.iterdir()] == ["copy.sqlite3"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_in_a_folder_it_has_a_name_of_its_own(newbox: RoomView, tmp_path: Path) -> None:
    answer = json.loads(saved(str(tmp_path), "--json"))
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(r"chat-\d{8}-\d{6}\.sqlite3", path.name)
    assert answer == {
        "status": "saved", "path": str(path), "bytes": path.stat().st_size, "rooms": 1, "messages": 0,
    }  # fmt: skip


def test_quiet_it_prints_nothing(newbox: RoomView, tmp_path: Path) -> None:
    assert saved(str(tmp_path / "copy"), "-q") == ""
    assert texts(tmp_path / "copy") == []


def test_a_file_that_is_there_stays_unless_forced(newbox: RoomView, tmp_path: Path) -> None:
    path = tmp_path / "copy"
    path.write_text("precious")
    error = refused(str(path))
    assert (error.returncode, path.read_text()) == (4, "precious")
    assert "--force" in str(error)
    saved(str(path), "--force")
    assert texts(path) == []


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "forced"])
def test_the_database_itself_is_never_overwritten(newbox: RoomView, tmp_path: Path, end: str, force: list[str]) -> None:
    say("newbox", "a")
    database = f"{settings.DATABASES['default']['NAME']}{end}"
    (tmp_path / "link").symlink_to(database)
    for path in (database, str(tmp_path / "link"), os.path.relpath(database)):
        assert refused(path, *force).returncode == 4
    assert [message.message for message in history.messages_after(newbox.id, 0, 5)] == ["a"]


def test_what_is_no_file_is_not_replaced(newbox: RoomView, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        assert refused(str(path), "--force").returncode == 4
    error = refused(str(tmp_path / "missing" / "copy"))
    assert (error.returncode, str(error)) == (2, f"no folder {tmp_path}/missing: make it first")


def test_two_backups_to_one_name_do_not_mix(newbox: RoomView, tmp_path: Path) -> None:
    with (tmp_path / "copy.partial").open("w") as draft:
        fcntl.flock(draft, fcntl.LOCK_EX)
        assert refused(str(tmp_path / "copy")).returncode == 5
    assert not (tmp_path / "copy").exists()
    saved(str(tmp_path / "copy"))  # the killed one's draft is taken over
    assert texts(tmp_path / "copy") == []


def test_it_is_the_moment_of_its_beginning_and_ends_though_others_write_all_the_time(
    newbox: RoomView, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_STEP", 5)
    say("newbox", *"abc")
    steps: list[int] = []

    def write(done: int, of: int) -> None:
        steps.append(done)
        elsewhere(say, "newbox", "x" * 3000)

    found = backup.back_up(Path(settings.DATABASES["default"]["NAME"]), tmp_path / "copy", write)
    assert len(steps) > 5
    assert steps == sorted(steps)
    assert found.contents == (1, 3)
    assert texts(tmp_path / "copy") == ["a", "b", "c"]


def test_of_a_damaged_database_nothing_is_saved(newbox: RoomView, tmp_path: Path) -> None:
    say("newbox", *["x" * 4000] * 50)
    saved(str(tmp_path / "bad"))
    spoil(tmp_path / "bad")
    with pytest.raises(Exception, match="damaged"):
        backup.back_up(tmp_path / "bad", tmp_path / "copy", lambda done, of: None)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["bad"]


def test_hostile_paths_are_harmless(newbox: RoomView, tmp_path: Path) -> None:
    for text in HOSTILE.values():
        name = text.replace("/", "_").encode()[:100].decode(errors="ignore")
        shown = saved(str(tmp_path / name)) + str(refused(str(tmp_path / name)))
        shown += str(refused(str(tmp_path / "missing" / name / "x")))
        assert not [character for character in FORBIDDEN if character in shown]
        assert shown.count("\n") == 1
