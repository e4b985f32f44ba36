"""DATABASE_URL and what becomes of it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatproject.databases import POSTGRESQL, SQLITE, database, identity, pool_connections

HOME = Path("/srv/chat")


def entry(url: str | None = None, *, durable: bool = True) -> dict[str, Any]:
    return database(url, home=HOME, default=HOME / "var" / "chat.sqlite3", durable=durable)


def test_without_a_url_it_is_the_sqlite_file_of_the_site() -> None:
    assert entry()["ENGINE"] == SQLITE
    assert entry()["NAME"] == "/srv/chat/var/chat.sqlite3"


@pytest.mark.parametrize("url", [None, "sqlite:///var/chat.sqlite3"])
def test_sqlite_is_set_up_for_writers_that_take_turns_and_for_acks_that_last(url: str | None) -> None:
    options = entry(url)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]
    assert "synchronous=NORMAL" in entry(url, durable=False)["OPTIONS"]["init_command"]


def test_a_relative_sqlite_path_hangs_on_the_project_and_not_on_the_current_folder() -> None:
    assert entry("sqlite:///var/other.sqlite3")["NAME"] == "/srv/chat/var/other.sqlite3"
    assert entry("sqlite:////data/other.sqlite3")["NAME"] == "/data/other.sqlite3"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://u:secret@h/name",
        "postgres://u:secret@h",
        "postgres://u:secret@h:port/name",
        "postgres://u:sec/secret@[/name",
        "sqlite://[/",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL=.*expected something like postgres://") as caught:
        entry(url)
    assert "secret" not in str(caught.value)


def test_who_serves_shares_connections_to_postgresql_and_opens_none_in_advance() -> None:
    found = entry("postgres://u:s@h/name")
    pool_connections(found, 0)
    assert "pool" not in found["OPTIONS"]
    pool_connections(found, 7)
    pool = found["OPTIONS"]["pool"]
    assert (pool["min_size"], pool["max_size"], found["CONN_HEALTH_CHECKS"]) == (0, 7, True)
    own = entry()
    pool_connections(own, 7)
    assert "pool" not in own["OPTIONS"]


def test_postgresql_is_taken_as_the_url_says() -> None:
    found = entry("postgres://u:s%40cret@h:5433/name")
    assert (found["ENGINE"], found["HOST"], found["PORT"], found["NAME"]) == (POSTGRESQL, "h", 5433, "name")
    assert found["PASSWORD"] == "s@cret"
    assert found["OPTIONS"] == {"connect_timeout": 5}


def test_postgresql_without_its_driver_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # Python then finds none
    with pytest.raises(ImproperlyConfigured, match="make venv EXTRAS=postgres"):
        entry("postgres://u:secret@h/name")


def test_processes_of_one_database_ring_each_other_and_those_of_another_do_not() -> None:
    assert identity(entry()) == identity(entry("sqlite:///var/chat.sqlite3"))
    assert identity(entry()) != identity(entry("sqlite:///var/other.sqlite3"))
    on_one_host = {"ENGINE": POSTGRESQL, "NAME": "chat", "HOST": "db"}
    assert identity(on_one_host) == identity({**on_one_host, "HOST": "10.0.0.5"})
    assert identity(on_one_host) != identity({**on_one_host, "NAME": "other"})
