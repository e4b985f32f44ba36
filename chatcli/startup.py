"""What `runchat` finds out and says before it serves: is the database ready, is there an admin, where is what."""

import resource
import sqlite3
from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.contrib.auth.models import PermissionsMixin
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatcore.database import explaining

MENDED_SQLITE = (3, 51, 3)


def pending_migrations() -> list[str]:
    """What is not applied yet, as `app.name`. Raises ChatError when the database does not answer."""
    with explaining():
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def has_admin() -> bool:
    """Whether somebody may do everything; True too where the site's own user model does not tell."""
    user_model = get_user_model()
    if not issubclass(user_model, PermissionsMixin):
        return True
    with explaining():
        return user_model._default_manager.filter(is_superuser=True, is_active=True).exists()


def remarks() -> Iterator[str]:
    """What is worth a line for those who ask for more (-v 2)."""
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < MENDED_SQLITE:
        mended = ".".join(map(str, MENDED_SQLITE))
        yield f"SQLite {sqlite3.sqlite_version} has a rare fault when it resets its log, mended in {mended}: update it"


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may go: each socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
