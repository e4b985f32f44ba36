"""`server.json`: there while its server lives, and not believed a moment longer."""

import json
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatcli.server_record import (
    Announcement,
    announced,
    live_record,
    live_records,
    mismatch,
    names_here,
    own_record,
    read_live,
    remove_dead,
)


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Path:
    settings.CHAT_VAR_DIR = tmp_path
    return tmp_path


def test_a_server_is_announced_while_it_runs(var: Path) -> None:
    assert live_record() is None
    with announced("http://127.0.0.1:8000/") as record:
        assert record.pid == os.getpid()
        assert live_record() == record
        assert json.loads((var / "server.json").read_text())["address"] == "http://127.0.0.1:8000/"
        assert (var / "server.json").stat().st_mode & 0o777 == 0o600
        assert mismatch(record) is None
    assert live_record() is None
    assert not (var / "server.json").exists()


def test_the_record_of_a_dead_server_is_not_believed_even_if_its_pid_lives_again(var: Path) -> None:
    with announced("http://127.0.0.1:8000/"):
        left_behind = (var / "server.json").read_bytes()
    (var / "server.json").write_bytes(left_behind)
    assert json.loads(left_behind)["pid"] == os.getpid()
    assert live_record() is None
    with announced("http://127.0.0.1:8001/") as record:
        assert list(live_records()) == [record]


def test_two_servers_on_one_folder_are_both_announced(var: Path) -> None:
    with announced("http://127.0.0.1:8000/") as first:
        with announced("http://127.0.0.1:8001/") as second:
            assert list(live_records()) == [second, first]
        assert live_record() == first


def test_the_second_server_stays_announced_when_the_first_ends(var: Path) -> None:
    first = announced("http://127.0.0.1:8000/")
    first.__enter__()
    with announced("http://127.0.0.1:8001/") as second:
        first.__exit__(None, None, None)
        assert live_record() == second


def test_a_server_of_several_processes_is_one_record_that_names_those_who_serve(var: Path) -> None:
    host = socket.gethostname()
    with closing(Announcement("http://127.0.0.1:8000/", [77, 78])) as server:
        assert names_here() == {
            f"{host}:77": "http://127.0.0.1:8000/, worker 1",
            f"{host}:78": "http://127.0.0.1:8000/, worker 2",
        }
        server.change([77, 0])
        assert names_here().keys() == {f"{host}:77"}
        [record] = live_records()
        assert (record.pid, record.vacant()) == (os.getpid(), [2])
        server.change([77, 79])
        remove_dead(var)
        assert names_here().keys() == {f"{host}:77", f"{host}:79"}
    assert list(var.glob("server*.json")) == []


def test_who_reads_a_record_while_it_changes_finds_a_server_that_lives(var: Path) -> None:
    with closing(Announcement("http://127.0.0.1:8000/", [77, 78])) as server:
        before = var / "kept"
        before.hardlink_to(var / "server.json")  # as one who has opened it just now
        server.change([77, 79])
        assert (found := read_live(before)) is not None
        assert found.workers == [77, 78]


def test_a_record_of_a_newer_version_is_read(var: Path) -> None:
    with announced("http://127.0.0.1:8000/") as record:
        path = var / "server.json"
        with path.open("r+") as file:
            fields = json.load(file) | {"of_tomorrow": 1}
            file.seek(0)
            json.dump(fields, file)
        assert live_record() == record


def test_another_database_is_a_mismatch_that_names_both_and_the_remedy(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = own_record("http://127.0.0.1:8000/")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", "/elsewhere/chat.sqlite3")
    reason = mismatch(record)
    assert reason is not None
    for part in (f"pid {record.pid}", record.address, record.database, "/elsewhere/chat.sqlite3", "roomline.env"):
        assert part in reason


def test_another_layer_is_a_mismatch(settings: Any) -> None:
    record = own_record()
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    reason = mismatch(record)
    assert reason is not None
    assert "InMemoryChannelLayer" in reason


def test_a_relative_path_means_the_same_file(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record = own_record()
    entry = settings.DATABASES["default"]
    monkeypatch.setitem(entry, "NAME", os.path.relpath(entry["NAME"]))
    assert mismatch(record) is None


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[]", b'{"pid": 1}'])
def test_a_file_that_is_no_record_is_nobody(var: Path, content: bytes) -> None:
    (var / "server.json").write_bytes(content)
    assert live_record() is None


def test_a_folder_that_is_not_there_is_nobody(settings: Any, var: Path) -> None:
    settings.CHAT_VAR_DIR = var / "nowhere"
    assert live_record() is None
