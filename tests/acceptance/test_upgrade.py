"""A database of the first version, as that version's code made it, is migrated and goes on: on SQLite and PostgreSQL.

It has two rooms, messages of a user, of another and of the system, an edit, a deletion, a key and a read mark.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.postgresql import PostgreSQL, needs_postgresql
from tests.acceptance.site import ChatSite

FOLDER = Path(__file__).with_name("upgrade")
#: What that version's reader would be shown, and what can be done with it now.
LOOK = """
import json
from django.contrib.auth import get_user_model
from chatcore import history, services
from chatcore.history.search import search
from chatcore.models import ReadMark
from chatcore.actors import SYSTEM, actor_for
from chatcore.services import Post
alice = actor_for(get_user_model().objects.get(username="alice"))
room, other = history.room_named("NEWBOX"), history.room_named("GROSSE-RUNDE")
before = history.messages_after(room.id, 0, 100)
page = history.events_after(room.id, 0, 1000)
[repeated] = services.post_messages([Post("newbox", "hello from Alice", alice, source="web", key="k-1")])
[new] = services.post_messages([Post("newbox", "after the upgrade", alice)])
edited = services.edit_message("newbox", 1, "the very first message, edited", SYSTEM)
deleted = services.delete_message("newbox", 5, SYSTEM)
print(json.dumps({
    "texts": [one.message for one in before], "deleted": [one.seq for one in before if one.deleted],
    "title": before[-1].title, "tags": before[-1].tags, "revs": len(page.payloads), "head": room.head,
    "read": [[mark.user_id, mark.seq] for mark in ReadMark.objects.all()], "other": other.last_seq,
    "repeated": [repeated.outcome, repeated.message.seq], "new": [new.message.seq, new.message.rev],
    "edited": edited.rev, "deletion": deleted.rev,
    "found": {word: [hit.message.seq for hit in search(room.id, word).hits] for word in ("CAFÉ", "hello", "nightly")},
    "found_there": [hit.message.seq for hit in search(other.id, "STRASSE").hits],
}))
"""


def check_upgrade(site: ChatSite) -> None:
    assert "run python manage.py migrate" in site.manage("chat_send", "newbox", "too early").stderr
    migrated = site.manage("migrate", "-v0")
    assert migrated.returncode == 0, migrated.stderr
    looked = site.manage("shell", "-v0", "-c", LOOK)
    assert looked.returncode == 0, looked.stderr
    found = json.loads(looked.stdout)
    texts = found.pop("texts")
    assert texts[:3] == ["the very first message", "hello from Alice, edited", ""]
    assert texts[3:] == [*(f"number {number}" for number in range(20)), "Backup done"]
    assert found == {
        "deleted": [3], "title": "Nightly", "tags": ["backup", "ok"], "revs": 26, "head": 26,
        "read": [["2", 10]], "other": 1, "repeated": ["duplicate", 2], "new": [25, 27], "edited": 28, "deletion": 29,
        "found": {"CAFÉ": [], "hello": [2], "nightly": [24]}, "found_there": [1],
    }  # fmt: skip
    assert site.manage("chat_send", "newbox", "from the command").stdout == "newbox #26\n"
    assert site.manage("chat_send", "newbox", "up to date", "--slot", "state").stdout == "newbox #27\n"
    checked = site.manage("chat_check", "--json")
    found = [json.loads(line) for line in checked.stdout.splitlines()]
    assert [one["what"] for one in found if one["part"] == "migrations"] == ["all are applied"]


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.mark.slow
def test_an_sqlite_database_of_the_first_version_goes_on() -> None:
    site = ChatSite(env={"DATABASE_URL": ""})
    try:
        with closing(sqlite3.connect(site.var_dir / "chat.sqlite3")) as database:
            database.executescript((FOLDER / "first.sqlite.sql").read_text())
        check_upgrade(site)
    finally:
        site.close()


@pytest.mark.slow
@pytest.mark.postgres
@needs_postgresql[1]
def test_a_postgresql_database_of_the_first_version_goes_on(server: PostgreSQL) -> None:
    site = ChatSite(env={"DATABASE_URL": server.url})
    try:
        with server.connect() as connection:
            connection.execute((FOLDER / "first.postgresql.sql").read_bytes())
        check_upgrade(site)
        with server.connect() as connection:
            made = connection.execute(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('chatcore_message_words')"
            )
            assert made.fetchone() == (True,), "the index of words, made while the chat has rows"
    finally:
        site.close()
