"""What `runchat` finds out and says before it serves: is the database ready, is there an admin, where is what."""

import resource
from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.contrib.auth.models import PermissionsMixin
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatcore.checks.database import sqlite_is_mended
from chatcore.database import explaining


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
    for message in sqlite_is_mended(app_configs=None):
        yield message.msg


def allow_many_sockets() -> None:
    """Raise this process's limit of open files as far as it may go: each socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
