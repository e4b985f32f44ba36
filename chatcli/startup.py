"""What `runchat` finds out and says before it serves: is the database ready, is there an admin, where is what."""

import resource
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import PermissionsMixin
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from chatcore import conf
from chatcore.checks.database import sqlite_is_mended
from chatcore.database import explaining


def pending_migrations() -> list[str]:
    """What is not applied yet, as `app.name`. Raises ChatError when the database does not answer."""
    with explaining():
        plans = [_plan(alias) for alias in _databases()]
    return [f"{migration.app_label}.{migration.name}" for plan in plans for migration, _ in plan]


def apply_migrations(**options: Any) -> None:
    """`migrate`, for each database that the chat needs; `options` are the command's."""
    for alias in _databases():
        call_command("migrate", interactive=False, database=alias, **options)


def _databases() -> list[str]:
    """Where the accounts are, and where the chat's tables are."""
    return list(dict.fromkeys([DEFAULT_DB_ALIAS, conf.settings.DATABASE]))


def _plan(alias: str) -> list[tuple[Migration, bool]]:
    """What is to be done there: of the chat alone, where that has a database of its own."""
    executor = MigrationExecutor(connections[alias])
    leaves = executor.loader.graph.leaf_nodes(None if alias == DEFAULT_DB_ALIAS else "chatcore")
    return executor.migration_plan(leaves)


def has_admin() -> bool:
    """Whether somebody may do everything; True too where the site's own user model does not tell."""
    user_model = get_user_model()
    if not issubclass(user_model, PermissionsMixin):
        return True
    with explaining():
        return user_model._default_manager.filter(is_superuser=True, is_active=True).exists()


def remarks() -> Iterator[str]:
    """What is worth a line for those who ask for more (-v 2)."""
    for message in sqlite_is_mended(app_configs=None):
        yield message.msg


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may go: each socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
