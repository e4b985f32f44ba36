"""The settings, by Django's system checks: ours, and with `--deploy` those of Django and all apps."""

from collections.abc import Iterator

from django.core import checks

from chatcli.checking.findings import Finding, Level
from chatcore.checks.database import sqlite_is_mended

PART = "settings"


def look(*, deploy: bool) -> Iterator[Finding]:
    """What the checks say; one OK if they say nothing."""
    messages = checks.run_checks(tags=None if deploy else ["chatcore"], include_deployment_checks=deploy)
    told = [finding(message) for message in messages if not message.is_silenced()]
    if not deploy:
        for message in sqlite_is_mended(app_configs=None):
            told.append(Finding(PART, Level.INFO, str(message.msg), str(message.hint), str(message.id)))
    yield from told or [Finding(PART, Level.OK, "no check of the settings has a remark")]


def finding(message: checks.CheckMessage) -> Finding:
    """A system check's message as a finding."""
    if message.level >= checks.ERROR:
        level = Level.ERROR
    else:
        level = Level.WARNING if message.level >= checks.WARNING else Level.INFO
    about = f" ({message.obj})" if message.obj is not None else ""
    return Finding(PART, level, f"{message.msg}{about}", str(message.hint or ""), str(message.id or ""))
