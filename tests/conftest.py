"""Gives every run of the tests a data folder and a database file of its own, whatever the machine's settings are.

Subprocesses of tests inherit both. With ROOMLINE_NO_SKIP set a skipped test is a failed one. On which database,
broker and server they run: tests/engines.py.
"""

import atexit
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import django
import pytest

from tests import engines

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
    os.environ.update(engines.environment())
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatproject.settings"


isolate()
django.setup()  # here and not by pytest-django, which would do it before this file is read
for name in engines.environment():
    del os.environ[name]  # installations that a test makes stand on what the test says


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """What the workers inherit: else pytest-django in them would take this process's settings, not those above."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A database file instead of one in memory: WAL, locks between threads and data_version are as in real life."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(VAR / "test.sqlite3")


LEFT_OUT = pytest.StashKey[Counter[str]]()


@pytest.hookimpl(trylast=True)  # what nobody asked for is not left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:], elsewhere, config.stash[LEFT_OUT] = engines.parted(items)
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # pytest-xdist's: all workers have the same, and none a terminal
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(LEFT_OUT, None) or {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which tests are of something that is not there, and why."""
    if reasons := config.stash.get(LEFT_OUT, Counter[str]()):
        terminalreporter.section(f"{reasons.total()} tests left out here")
        for reason, count in sorted(reasons.items()):
            terminalreporter.write_line(f"{count:5} {reason}")


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
