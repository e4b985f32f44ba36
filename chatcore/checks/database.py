"""Checks of the database's settings and of SQLite's own version."""

import sqlite3
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning

#: The first SQLite in which resetting the write-ahead log cannot lose a commit (https://sqlite.org/wal.html).
MENDED_SQLITE = (3, 51, 3)


def _is_sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")


@register("chatcore")
def sqlite_locks_at_once(**kwargs: Any) -> list[CheckMessage]:
    """A transaction that reads first and writes later fails at once when another one wrote meanwhile."""
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if not _is_sqlite() or options.get("transaction_mode") == "IMMEDIATE":
        return []
    return [
        CheckWarning(
            'SQLite transactions that begin with a read fail with "database is locked" under load.',
            hint='Set "OPTIONS": {"transaction_mode": "IMMEDIATE"} in DATABASES.',
            id="chatcore.W003",
        )
    ]


@register("chatcore", deploy=True)
def sqlite_is_mended(**kwargs: Any) -> list[CheckMessage]:
    """Only for deployment: most systems come with an older SQLite, and the fault is rare."""
    if not _is_sqlite() or sqlite3.sqlite_version_info >= MENDED_SQLITE:
        return []
    mended = ".".join(map(str, MENDED_SQLITE))
    return [
        CheckWarning(
            f"SQLite {sqlite3.sqlite_version} has a rare fault when it resets its log, mended in {mended}.",
            hint="Use a Python with a newer SQLite, or PostgreSQL by DATABASE_URL; and make backups (chat_backup).",
            id="chatcore.W004",
        )
    ]
