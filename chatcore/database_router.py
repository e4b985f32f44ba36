"""For DATABASE_ROUTERS of a site that keeps the chat's tables in a database of their own (`CHAT_DATABASE`)."""

from typing import Any

from chatcore import conf

_OURS = "chatcore"


class ChatRouter:
    """The chat's tables are in that database and nowhere else, and nothing else is in it."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Which database has the rows of this model; None if that is none of our business."""
        return conf.settings.DATABASE if model._meta.app_label == _OURS else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Whether this app's tables are made there. Where the chat has no database of its own, it is all the site's."""
        if app_label == _OURS:
            return db == conf.settings.DATABASE
        return False if db == conf.settings.DATABASE != "default" else None
