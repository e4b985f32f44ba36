"""Gives every run of the tests a data folder and a database file of its own, whatever the machine's settings are.

Subprocesses of tests inherit both. With ROOMLINE_NO_SKIP set a skipped test is a failed one. With
ROOMLINE_TEST_DATABASE_URL the tests of the domain run on that server instead (tests/integration; not those of SQLite).
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import django
import pytest

PROJECT = Path(__file__).resolve().parent.parent
VAR = Path(tempfile.mkdtemp(prefix="roomline-tests-"))
atexit.register(shutil.rmtree, VAR, ignore_errors=True)


def isolate() -> None:
    """Takes the settings of this machine away: those of the process, and roomline.env by empty values, which win."""
    from chatproject.environment import OURS, file_values

    for name in [name for name in os.environ if name.startswith(OURS) or name == "DATABASE_URL"]:
        del os.environ[name]
    os.environ.update(dict.fromkeys(file_values(PROJECT / "roomline.env"), ""))
    os.environ["CHAT_VAR_DIR"] = str(VAR)
    if server := os.environ.get("ROOMLINE_TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = server
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatproject.settings"


isolate()
django.setup()  # here and not by pytest-django, which would do it before this file is read


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A database file instead of one in memory: WAL, locks between threads and data_version are as in real life."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(VAR / "test.sqlite3")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refused_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refused_skip((yield))


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def refused_skip(report: Report) -> Report:
    """Where everything is said to be there, a test that does not run says that something is not."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("ROOMLINE_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"must not be skipped here: {report.longrepr}"
    return report
