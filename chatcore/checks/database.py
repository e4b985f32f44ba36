"""Checks of the database's settings and of SQLite's own version."""

import sqlite3
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.db import router

from chatcore import conf

_ROUTER = "chatcore.database_router.ChatRouter"
#: The first SQLite in which resetting the write-ahead log cannot lose a commit (https://sqlite.org/wal.html).
MENDED_SQLITE = (3, 51, 3)


def _entry() -> dict[str, Any]:
    found: dict[str, Any] = settings.DATABASES.get(conf.settings.DATABASE, {"ENGINE": ""})
    return found


def _is_sqlite() -> bool:
    return str(_entry()["ENGINE"]).endswith("sqlite3")


@register("chatcore")
def database_is_there(**kwargs: Any) -> list[CheckMessage]:
    """A database of its own must be one of DATABASES, and Django's queries must be led there, too."""
    alias = conf.settings.DATABASE
    if alias not in settings.DATABASES:
        known = ", ".join(sorted(settings.DATABASES))
        return [
            Error(f"CHAT_DATABASE = {alias!r} is none of DATABASES.", hint=f"There are: {known}.", id="chatcore.E004")
        ]
    if router.db_for_write(apps.get_model("chatcore", "Room")) == alias:
        return []
    return [
        Error(
            f"CHAT_DATABASE = {alias!r}, but Django looks for the chat's tables elsewhere.",
            hint=f'Set DATABASE_ROUTERS = ["{_ROUTER}"], before routers that lead elsewhere.',
            id="chatcore.E005",
        )
    ]


@register("chatcore")
def sqlite_locks_at_once(**kwargs: Any) -> list[CheckMessage]:
    """A transaction that reads first and writes later fails at once when another one wrote meanwhile."""
    options = _entry().get("OPTIONS", {})
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
            hint="Use a Python with a newer SQLite, or PostgreSQL; and make backups (chat_backup).",
            id="chatcore.W004",
        )
    ]
