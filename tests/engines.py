"""What the tests run on: by itself SQLite, the embedded broker and `runchat`. Three variables say otherwise.

ROOMLINE_TEST_DATABASE_URL a PostgreSQL server on which databases may be made, ROOMLINE_TEST_REDIS_URL a broker,
ROOMLINE_TEST_SERVER=uvicorn the server of the sites that the acceptance tests start. Tests of what is not there then
carry a marker with the reason, and are left out.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

import pytest

DATABASE_URL = os.environ.get("ROOMLINE_TEST_DATABASE_URL", "")
REDIS_URL = os.environ.get("ROOMLINE_TEST_REDIS_URL", "")
#: Who serves the sites of the acceptance tests.
SERVER = os.environ.get("ROOMLINE_TEST_SERVER") or "runchat"

#: The markers of tests that cannot run here.
LEFT_OUT = {
    marker
    for marker, missing in {
        "sqlite": bool(DATABASE_URL),
        "on_postgresql": not DATABASE_URL,
        "embedded": bool(REDIS_URL) or SERVER != "runchat",
        "runchat": SERVER != "runchat",
    }.items()
    if missing
}


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def environment() -> dict[str, str]:
    """Settings for the process of the tests. Each worker's database has a name of its own, and so its rings."""
    found = {}
    if DATABASE_URL:
        found["DATABASE_URL"] = named(DATABASE_URL, f"roomline_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")
    if REDIS_URL:
        found["CHAT_REDIS_URL"] = REDIS_URL
    return found


def parted(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item], Counter[str]]:
    """The tests that run here, those that do not, and how many are left out for which reason."""
    here: list[pytest.Item] = []
    elsewhere: list[pytest.Item] = []
    reasons: Counter[str] = Counter()
    for item in items:
        found = [mark for mark in item.iter_markers() if mark.name in LEFT_OUT]
        (elsewhere if found else here).append(item)
        if found:
            reasons[f"{found[0].name}: {reason(found[0].args, item)}"] += 1
    return here, elsewhere, reasons


def reason(words: Sequence[object], item: pytest.Item) -> str:
    """Why a test cannot run elsewhere; each marker must say it."""
    if len(words) != 1 or not isinstance(words[0], str):
        raise pytest.UsageError(f"{item.nodeid}: its marker needs one argument, the reason")
    return words[0]
