"""System checks: settings with which the chat would lose messages or answer late. One function an id."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning


def _layer() -> dict[str, Any]:
    layer: dict[str, Any] = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {})
    return layer


@register("chatcore")
def layer_reaches_other_processes(**kwargs: Any) -> list[CheckMessage]:
    """The in-memory layer ends at the process."""
    if not _layer().get("BACKEND", "").endswith("InMemoryChannelLayer"):
        return []
    return [
        CheckWarning(
            "The in-memory channel layer does not reach other processes.",
            hint="Readers follow the database instead. Leave CHANNEL_LAYERS out, or use RedisPubSubChannelLayer.",
            id="chatcore.W001",
        )
    ]


@register("chatcore")
def layer_is_pubsub(**kwargs: Any) -> list[CheckMessage]:
    """The list-based layer loses idle consumers under redis-py 8 and holds at most 100 messages a channel."""
    if not _layer().get("BACKEND", "").endswith("core.RedisChannelLayer"):
        return []
    return [
        CheckWarning(
            "The list-based RedisChannelLayer stops receiving when it is idle under redis-py 8.",
            hint='Use "channels_redis.pubsub.RedisPubSubChannelLayer".',
            id="chatcore.W002",
        )
    ]


@register("chatcore")
def sqlite_locks_at_once(**kwargs: Any) -> list[CheckMessage]:
    """A transaction that reads first and writes later fails at once when another one wrote meanwhile."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3") or database.get("OPTIONS", {}).get("transaction_mode") == "IMMEDIATE":
        return []
    return [
        CheckWarning(
            'SQLite transactions that begin with a read fail with "database is locked" under load.',
            hint='Set "OPTIONS": {"transaction_mode": "IMMEDIATE"} in DATABASES.',
            id="chatcore.W003",
        )
    ]
